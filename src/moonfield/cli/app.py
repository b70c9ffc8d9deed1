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

_EXPECTED = (OSError, ImportError, FloatingPointError)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; see `moonfield.cli.main`."""
    try:
        code = app(args=arguments, prog_name="moonfield", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted", 130)
    except Exception as error:
        if hasattr(error, "format_message"):  # a wrong option or argument
            return _say(f"{error.format_message()} See moonfield --help.", 2)
        if isinstance(error, _EXPECTED):
            return _say(str(error) or type(error).__name__, 2)
        raise
    return code if isinstance(code, int) else 0


def _say(message: str, code: int) -> int:
    sys.stderr.write(f"moonfield: {' '.join(message.split())}\n")
    return code


def _version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        typer.echo(f"moonfield {__version__}")
        raise typer.Exit()


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
