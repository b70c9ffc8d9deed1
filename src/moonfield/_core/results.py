"""How a fit ended."""

import enum


class Result(enum.Enum):
    """Why a fit ended; the value is a sentence that names the remedy where one is needed."""

    converged = "The variational parameters became stationary and more steps would gain little."
    steps_exhausted = "All requested steps were run."
    not_converged = (
        "The automatic stop reached its largest number of steps before the parameters were "
        "stationary. Continue with `fit(..., start=posterior)`, or standardise the inputs."
    )
    stopped_by_callback = "A callback returned True."
    interrupted = "Interrupted from the keyboard; this is the state reached by then."
    nonfinite = (
        "The ELBO became non-finite. Lower the learning rate, standardise the inputs, or choose "
        "a prior with lighter tails."
    )

    @property
    def message(self) -> str:
        """The sentence."""
        return self.value
