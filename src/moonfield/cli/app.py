"""Commands and their options; what went wrong becomes one line."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Neural networks that know what they don't know.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
demo = typer.Typer(help="Worked examples, end to end.", no_args_is_help=True)
app.add_typer(demo, name="demo")

_INTERRUPTED = 130  # as shells number it
_EXPECTED = (OSError, ImportError, FloatingPointError)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; see `moonfield.cli.main`."""
    try:
        code = app(args=arguments, prog_name="moonfield", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except Exception as error:
        wrong_usage = getattr(error, "format_message", None)  # of click's exceptions
        if wrong_usage is not None:
            return _explain(wrong_usage())
        if isinstance(error, _EXPECTED):
            return _say(str(error) or type(error).__name__, 2)
        raise
    if code == _INTERRUPTED:
        return _say("interrupted", code)
    return code if isinstance(code, int) else 0


def _explain(message: str) -> int:
    """Help for a command without its subcommand; one line for anything wrong."""
    if message.startswith("Usage:"):
        typer.echo(message)
        return 0
    return _say(f"{message.rstrip('.')}. See moonfield --help.", 2)


def _say(message: str, code: int) -> int:
    sys.stderr.write(f"moonfield: {' '.join(message.split())}\n")
    return code


def _version(wanted: bool) -> bool:
    if wanted:
        from .. import __version__

        typer.echo(f"moonfield {__version__}")
        raise typer.Exit()
    return wanted


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Neural networks that know what they don't know."""


@demo.callback()
def demos() -> None:
    """Worked examples, end to end."""


@demo.command()
def moons(
    out: Annotated[Path, typer.Option(help="Folder for figures and report.")] = Path("moons-demo"),
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the fits.")] = 0,
) -> None:
    """Fit a small network to two moons three ways; print a table, write figures and a report."""
    from .cache import use_compilation_cache
    from .demo import run_demo
    from .moons import Plan

    use_compilation_cache()
    run_demo(out, Plan(seed=seed))
