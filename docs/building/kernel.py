"""What surrounds the cells: a process without progress bars, whose figures are sharp."""

from pathlib import Path

from .forms import FORM

_HOME = Path(__file__).parents[1] / "_build" / "ipython"
_STARTUP = """\
import IPython
import moonfield._core.progress as progress

progress._visible = lambda: False  # a bar that ran once is no part of a page
ipython = IPython.get_ipython()
ipython.run_line_magic("matplotlib", "inline")
ipython.run_line_magic("config", "InlineBackend.figure_formats = ['retina']")
"""
_QUICKLY = {
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    "XLA_FLAGS": "--xla_cpu_use_fusion_emitters=false",
}


def variables() -> dict[str, str]:
    """The environment of the cells' processes."""
    startup = _HOME / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "pages.py").write_text(_STARTUP)
    quiet = "get_config().IPKernelApp.log_level = 40\n"
    (startup.parent / "ipython_kernel_config.py").write_text(quiet)
    quickly = _QUICKLY if FORM == "short" else {}
    return {"IPYTHONDIR": str(_HOME)} | quickly
