"""The libraries of this package, or an error that names the extra."""

try:
    import jinja2
    import matplotlib
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"moonfield.reporting needs {error.name}, which is not installed: "
        "pip install 'moonfield[plot]'.",
        name=error.name,
    ) from error

__all__ = ["jinja2", "matplotlib"]
