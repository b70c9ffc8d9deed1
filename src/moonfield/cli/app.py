"""Commands and their options; what went wrong becomes one line."""

import enum
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
_BAD = ("BadInput", "FileFormatError")  # by name: nothing is imported for their sake


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
        if isinstance(error, ModuleNotFoundError) and str(error.name).startswith("pyarrow"):
            return _say("tables need pyarrow: pip install 'moonfield[cli]'.", 2)
        if isinstance(error, _EXPECTED) or type(error).__name__ in _BAD:
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


Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]


@demo.callback()
def demos() -> None:
    """Worked examples, end to end."""


@demo.command()
def moons(
    out: Annotated[Path, typer.Option(help="Folder for figures and report.")] = Path("moons-demo"),
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the fits.")] = 0,
    force: Force = False,
) -> None:
    """Fit a small network to two moons three ways; print a table, write figures and a report."""
    from .cache import use_compilation_cache
    from .demo import run_demo
    from .moons import Plan

    use_compilation_cache()
    run_demo(out, Plan(seed=seed), force=force)


class Task(enum.StrEnum):
    """What a target is."""

    classes = "classes"
    numbers = "numbers"


class Missing(enum.StrEnum):
    """What becomes of missing values."""

    error = "error"
    indicator = "indicator"


Model = Annotated[Path, typer.Argument(help="A file that fit wrote.", metavar="MODEL")]
Table = Annotated[
    Path, typer.Argument(help=".csv, .tsv, .parquet, .arrow, .feather or .jsonl", metavar="TABLE")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of words.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="The same seed, the same answer.")]


@app.command()
def fit(
    table: Table,
    target: Annotated[str, typer.Option(help="The column to predict.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The model file.")] = Path("model.mf"),
    task: Annotated[Task | None, typer.Option(help="What the target is.")] = None,
    method: Annotated[str, typer.Option(help="One that moonfield methods lists.")] = "auto",
    hidden: Annotated[
        str | None, typer.Option(help="Units of each hidden layer, such as 50 or 24,24.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Updates; else by itself.")] = None,
    seed: Seed = 0,
    missing: Annotated[Missing, typer.Option(help="Refuse missing values, or learn them.")] = (
        Missing.error
    ),
    weights: Annotated[str | None, typer.Option(help="A column of weights of the rows.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="A column to leave out.")] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="A folder to go on from after a crash or Ctrl-C; auto is then IVON."),
    ] = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """Fit a Bayesian neural network to a table; Ctrl-C keeps what there is by then."""
    from .cache import use_compilation_cache
    from .fitting import Wish, run_fit
    from .say import Voice

    use_compilation_cache()
    wish = Wish(
        table,
        target,
        out,
        task=None if task is None else task.value,
        method=method,
        hidden=None if hidden is None else _units(hidden),
        steps=steps,
        seed=seed,
        missing=missing.value,
        weights=weights,
        ignore=tuple(ignore or ()),
        force=force,
        checkpoint=checkpoint,
    )
    return 0 if run_fit(wish, Voice(json)) else _INTERRUPTED


@app.command()
def predict(
    model: Model,
    table: Table,
    out: Annotated[Path, typer.Option("--out", "-o", help="The predictions, in any format.")],
    level: Annotated[float, typer.Option(help="Of the interval from low to high.")] = 0.9,
    force: Force = False,
    json: Json = False,
) -> None:
    """Predict each row of a table of any size, with its uncertainty."""
    from .cache import use_compilation_cache
    from .predicting import run_predict
    from .say import Voice

    if not 0.0 < level < 1.0:
        raise typer.BadParameter(f"--level must lie strictly between 0 and 1, got {level}")
    use_compilation_cache()
    run_predict(model, table, out, level, force, Voice(json))


@app.command()
def report(
    model: Model,
    table: Table,
    out: Annotated[Path, typer.Option("--out", "-o", help="The page.")] = Path("report.html"),
    target: Annotated[str | None, typer.Option(help="If it has another name here.")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Judge a model by rows that it has not seen: one page of HTML."""
    from .cache import use_compilation_cache
    from .reporting import run_report
    from .say import Voice

    use_compilation_cache()
    run_report(model, table, out, target, force, Voice(json))


@app.command()
def export(
    model: Model,
    out: Annotated[Path, typer.Option("--out", "-o", help="The artefact.")] = Path("model.npz"),
    rows: Annotated[int | None, typer.Option(min=1, help="Of every call; else any.")] = None,
    draws: Annotated[int | None, typer.Option(min=1, help="Posterior draws.")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write a model as compiled code that JAX alone runs, without Moonfield."""
    from .exporting import run_export
    from .say import Voice

    run_export(model, out, rows, draws, force, Voice(json))


@app.command()
def info(model: Model, json: Json = False) -> None:
    """Say what is in a model file."""
    from .describing import run_info
    from .say import Voice

    run_info(model, Voice(json))


@app.command()
def methods(json: Json = False) -> None:
    """List the methods there are, and when to take each."""
    from .describing import run_methods
    from .say import Voice

    run_methods(Voice(json))


def _units(text: str) -> tuple[int, ...]:
    """`50` or `50,50`."""
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise typer.BadParameter(f"--hidden must be like 50 or 50,50, got {text!r}")
    return tuple(int(part) for part in parts)
