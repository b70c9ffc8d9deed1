"""Recording functions of the posterior while it is fitted."""

from collections.abc import Callable
from typing import Any


class Tracker:
    """A callback that records functions of the posterior so far, a few times a second.

    Args:
        **functions: name -> function of a `Posterior`.

    Example:
        >>> import moonfield as mf
        >>> tracker = mf.Tracker(mean=lambda posterior: posterior.sample(1))
        >>> sorted(tracker.history)
        ['mean', 'step']
    """

    def __init__(self, **functions: Callable[[Any], Any]):
        self._functions = functions
        self.history: dict[str, list] = {"step": [], **{name: [] for name in functions}}

    def __call__(self, step: int, posterior: Any) -> None:
        """Record."""
        self.history["step"].append(step)
        for name, function in self._functions.items():
            self.history[name].append(function(posterior))

    def __getitem__(self, name: str) -> list:
        return self.history[name]
