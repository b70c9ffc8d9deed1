"""`moonfield demo moons`: run, print, write."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

from .._core.files import replace_file
from ..reporting import Page, Table, render, versions
from . import demo_table
from .demo_pictures import cover, pictures
from .errors import BadInput
from .files import folder
from .moons import Entry, Halves, Plan, fits, halves, network

_REPORT = "report.html"


def run_demo(
    out: Path, plan: Plan, console: Console | None = None, force: bool = False
) -> list[Entry]:
    """Fit, print the table, write figures and report to `out`; returns what was fitted.

    Raises:
        BadInput: a report is there already, and `force` does not allow to replace it and figures.
        OSError: the folder cannot be written.
        KeyboardInterrupt: a fit was interrupted.
    """
    console = Console(highlight=False) if console is None else console
    folder(out)
    if (out / _REPORT).exists() and not force:
        raise BadInput(f"{out / _REPORT} exists. Use --force to replace it and its figures.")
    data = halves()
    entries = list(fits(plan, data, announce=console.print))
    console.print(_table(entries, plan))
    drawn = pictures(entries, data, plan)
    for each in [*drawn, cover(entries, data, plan)]:
        replace_file(out / f"{each.name}.png", each.png)
    page = render(_page(entries, drawn, data, plan))
    replace_file(out / _REPORT, page.encode("utf-8"))
    console.print(f"Figures and report: {out / _REPORT}", soft_wrap=True)
    return entries


def _table(entries: Sequence[Entry], plan: Plan) -> RichTable:
    table = RichTable(header_style="bold", title_justify="left")
    for i, column in enumerate(demo_table.columns(entries)):
        table.add_column(column, justify="right" if i else "left")
    for row in demo_table.rows(entries, plan):
        table.add_row(*row)
    return table


def _page(entries: Sequence[Entry], drawn: Sequence, data: Halves, plan: Plan) -> Page:
    table = Table(
        demo_table.columns(entries), demo_table.rows(entries, plan), demo_table.note(entries)
    )
    low, high = (f(entry.accuracy for entry in entries) for f in (min, max))
    right = f"{low:.1%}" if low == high else f"{low:.1%} to {high:.1%}"
    lead = (
        f"A Bayesian neural network of {network().size} weights learned {len(data.y_train)} points "
        "of two moons by variational inference in three ways. Of the other "
        f"{len(data.y_test)} points it puts {right} in the right class, and it says where it does "
        "not know."
    )
    return Page(
        title="Moonfield: two moons",
        lead=lead,
        tables=[table],
        pictures=drawn,
        settings=_settings(data, plan),
        versions=versions(),
    )


def _settings(data: Halves, plan: Plan) -> dict[str, str]:
    facts = network().describe()
    shapes = ", ".join(f"{path} {shape}" for path, shape, _ in facts["weights"])
    return {
        "data": "make_moons(1000, noise=0.2, random_state=0)",
        "rows": f"{len(data.y_train)} to learn from, {len(data.y_test)} held out",
        "network": f"2-5-5-1, tanh, no biases: {shapes}",
        "prior": ", ".join(dict.fromkeys(prior for _, _, prior in facts["weights"])),
        "likelihood": facts["likelihood"],
        "method": "ADVI: mean-field normal family, one draw a step, Adam",
        "steps": f"{plan.full_steps:,} on all rows; {plan.batch_steps:,} on batches of "
        f"{plan.batch_size}; automatic",
        "posterior draws": f"{plan.draws}",
        "seed": f"{plan.seed}",
    }
