"""Versions of the libraries that a file depends on."""

import platform
import sys

import equinox
import jax
import numpyro


def library_versions() -> dict[str, str]:
    """Library -> version, and Python's own."""
    return {
        "moonfield": moonfield_version(),
        "jax": jax.__version__,
        "numpyro": numpyro.__version__,
        "equinox": equinox.__version__,
        "python": platform.python_version(),
    }


def moonfield_version() -> str:
    """The version of this package, which stands in its root, above all layers."""
    return sys.modules[__name__.partition(".")[0]].__version__
