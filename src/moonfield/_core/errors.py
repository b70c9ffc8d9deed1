"""Moonfield's own warning and error classes."""

from typing import Any


class MoonfieldWarning(UserWarning):
    """Something about a fit or a prediction that its user should know."""


class NonFiniteError(FloatingPointError):
    """The ELBO or its gradient became non-finite.

    Attributes:
        step: the step (counted from 0) whose ELBO or update was not finite.
        path: path of the first parameter that was not finite after it, e.g. `layers.1.weight`.
        posterior: the posterior at the last finite state before that step.
    """

    def __init__(self, message: str, *, step: int, path: str, posterior: Any = None):
        super().__init__(message)
        self.step = step
        self.path = path
        self.posterior = posterior


class FileFormatError(ValueError):
    """A file is not a Moonfield file, is damaged, or was written by a newer version."""
