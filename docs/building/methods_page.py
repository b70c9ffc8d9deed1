"""Tables of methods: from the library's own, with costs that `make methods` measured."""

from pathlib import Path

from moonfield.inference import AUTO, METHODS

from .results import about, result

_FILE = "methods.json"


def write(folder: Path) -> None:
    """`methods.md`, what there is and when; `costs.md`, what it took; `auto.md`, what is chosen."""
    (folder / "methods.md").write_text(_methods(), encoding="utf-8")
    (folder / "auto.md").write_text(_auto(), encoding="utf-8")
    (folder / "costs.md").write_text(_costs(), encoding="utf-8")


def _methods() -> str:
    lines = ["| `method=` | what it is; for what |", "|---|---|"]
    lines += [f'| `"{name}"` | {choice.when} |' for name, choice in METHODS.items()]
    return "\n".join(lines) + "\n"


def _auto() -> str:
    lines = ["| model | numbers | numbers x rows | method |", "|---|---|---|---|"]
    for rule in AUTO:
        kind = "program" if rule.identified else "network"
        most = "any" if rule.most_numbers is None else f"up to {rule.most_numbers:,}"
        work = "any" if rule.most_work is None else f"up to {rule.most_work:,}"
        unless = "" if rule.by_steps else ", unless steps, batches, restarts or callbacks are given"
        needs = "" if rule.needs is None else f", where {rule.needs} is installed"
        lines.append(f'| {kind} | {most} | {work} | `"{rule.method}"`{unless}{needs} |')
    return "\n".join(lines) + "\n"


def _costs() -> str:
    found = result(_FILE)
    if found is None:
        return (
            "This build has no measurements: `make methods` writes them, and the next `make docs` "
            "puts the table here.\n"
        )
    lines = [
        "| method | first fit, s | again, s | ELBO, nats | test log score, nats a row | accuracy | "
        "distance from NUTS |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in found["table"]:
        cells = (
            f"`{row['method']}`", _number(row["first"], 1), _number(row["again"], 2),
            _number(row["elbo"], 1), _number(row["log_likelihood"], 4),
            f"{row['accuracy']:.1%}", _number(row["distance"], 4),
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + f"\n\n{about(found)}\n"


def _number(value: float | None, digits: int) -> str:
    if value is None or value != value:
        return ""
    return f"{value:,.{digits}f}".replace("-", "−")
