"""What a result was made with."""

import importlib.metadata
import os
import platform

_PACKAGES = (
    "moonfield",
    "jax",
    "equinox",
    "numpyro",
    "optax",
    "numpy",
    "arviz-plots",
    "matplotlib",
)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that make numbers and figures, and the machine."""
    found = {"Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed as a package"
    found["machine"] = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return found
