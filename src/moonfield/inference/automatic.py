"""The automatic stop."""

from .stopping import FixedSteps


class Automatic(FixedSteps):
    """placeholder until tuned"""

    def __init__(self, tuned):
        super().__init__(10000, tuned)
