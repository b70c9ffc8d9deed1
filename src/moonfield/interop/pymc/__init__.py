"""PyMC models as Moonfield models. PyMC is loaded when the first model is given."""

from typing import Any

from .loading import load_pymc


def program(model: Any) -> Any:
    """A PyMC model for `mf.fit(program)`: its own log-density, transforms, dims and coordinates.

    Fit it as it stands, or to other data: `mf.fit(program, data={"X": ...})`. Data go by the names
    of `pm.Data` containers; observed values that were given as an array go by the name of their
    variable. Those with one entry for each entry of the observed variable are rows: they can be
    taken in batches, and predicted for in any number, `posterior.predict({"X": X_new})`.

    Keep the program: a second fit of the same one compiles nothing. Draws and `start=` are dicts
    by the names of the free variables, on their own scale.

    Returns:
        A `PyMCProgram`.

    Raises:
        ImportError: PyMC is not installed.
        TypeError: model is not a `pymc.Model`.
        ValueError: a free variable is discrete, nothing is observed, or rows are scaled by hand
            (`total_size`); the message names the variable.

    Example:
        >>> import moonfield as mf, pymc as pm
        >>> with pm.Model() as regression:
        ...     x = pm.Data("x", [0.0, 1.0, 2.0])
        ...     slope = pm.Normal("slope", 0.0, 1.0)
        ...     y = pm.Normal("y", slope * x, 0.5, observed=[0.1, 0.9, 2.2])
        >>> mf.interop.pymc.program(regression)
        PyMCProgram(slope; observes y)
    """
    load_pymc()
    from .graph import Graph  # noqa: PLC0415
    from .pymc_program import PyMCProgram  # noqa: PLC0415

    return PyMCProgram(Graph(model))


__all__ = ["program"]
