"""The drawing libraries, or an error that names the extra."""

try:
    import arviz_plots
    import matplotlib
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"moonfield.plot needs {error.name}, which is not installed: "
        "pip install 'moonfield[plot]'.",
        name=error.name,
    ) from error

__all__ = ["arviz_plots", "matplotlib"]
