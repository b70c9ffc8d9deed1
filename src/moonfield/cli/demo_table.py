"""The demo's numbers as text, for the terminal and the report."""

from collections.abc import Sequence

from .moons import Entry, Plan

Rows = list[tuple[str, ...]]


def columns(entries: Sequence[Entry]) -> list[str]:
    """The heading of each column."""
    return ["", *(entry.name for entry in entries)]


def rows(entries: Sequence[Entry], plan: Plan) -> Rows:
    """Rows of text: a name, and a cell for each fit."""
    facts = [entry.posterior.diagnostics for entry in entries]
    return [
        ("steps", *(f"{fact.steps:,}" for fact in facts)),
        ("compile", *(seconds(fact.compile_seconds) for fact in facts)),
        ("run", *(seconds(fact.run_seconds) for fact in facts)),
        ("steps/s", *(f"{fact.steps / fact.run_seconds:,.0f}" for fact in facts)),
        ("ELBO, nats", *(signed(f"{fact.elbo:.1f} ± {fact.elbo_se:.1f}") for fact in facts)),
        ("test accuracy", *(f"{entry.accuracy:.1%}" for entry in entries)),
        ("test log-lik., nats/row", *(signed(f"{entry.log_likelihood:.4f}") for entry in entries)),
        (f"predict, {plan.draws} draws", *(seconds(entry.predict_seconds) for entry in entries)),
        ("ended", *(fact.result.name.replace("_", " ") for fact in facts)),
    ]


def note(entries: Sequence[Entry]) -> str:
    """What the rows mean."""
    rows = entries[0].prediction.rows
    return (
        "Compile: until the first steps were dispatched; fits of the same shapes share compiled "
        "code, and the command line keeps it between runs. ELBO: at the final parameters, with its "
        f"Monte Carlo error. Test: the {rows} held-out rows. Predict: their means, compiled before."
    )


def seconds(value: float) -> str:
    """A duration to two or three digits."""
    text = f"{value:.2f} s" if value >= 0.1 else f"{1_000 * value:.1f} ms"
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def signed(text: str) -> str:
    """With a true minus sign, kept on one line."""
    return text.replace("-", "−").replace(" ", "\N{NO-BREAK SPACE}")
