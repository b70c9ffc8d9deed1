"""`moonfield export`: a model to a file that serves its predictions without Moonfield."""

from pathlib import Path

from .errors import explained, one_line_warnings
from .formats import check_output
from .models import load_estimator, names_of
from .say import Voice


def run_export(
    model: Path, out: Path, rows: int | None, draws: int | None, force: bool, voice: Voice
) -> None:
    """Write the artefact, and say what it takes.

    Raises:
        BadInput: the model cannot be exported; nothing is written.
        OSError: the output cannot be written.
    """
    check_output(out, force, model)
    estimator = load_estimator(model)
    with one_line_warnings(), explained(str(model)):
        estimator.export(out, rows=rows, draws=draws)
    columns, size = names_of(estimator), out.stat().st_size
    voice.say(f"Saved: {out}, {size / 1e6:.1f} MB; it takes {', '.join(columns)}")
    voice.document({"output": str(out), "bytes": size, "columns": columns})
