"""The demo's figures."""

from collections.abc import Sequence
from typing import Any

from .. import plot
from ..reporting import Picture, picture
from .moons import Entry, Halves, Plan

_SURFACE = (6.0, 4.6)


def pictures(entries: Sequence[Entry], data: Halves, plan: Plan) -> list[Picture]:
    """Data, ELBOs, and what the first fit says, in reading order."""
    return [
        _data(data),
        _elbo(entries),
        _surface(entries[0], data, plan, *_PROBABILITY),
        _surface(entries[0], data, plan, *_EPISTEMIC),
        _surface(entries[0], data, plan, *_MUTUAL_INFORMATION),
        _predictions(entries[0], data),
        _weights(entries[0]),
    ]


def cover(entries: Sequence[Entry], data: Halves, plan: Plan) -> Picture:
    """Probability and epistemic uncertainty side by side."""

    def draw(quantity: str):
        return lambda ax: _draw_surface(entries[0], data, plan, quantity, ax)

    return picture(
        draw("mean"),
        draw("epistemic"),
        name="moons",
        title="Two moons",
        alt="Left, the probability of class 1; right, its sd over posterior draws, small near the "
        "points and large along the boundary away from them.",
        size=(11.0, 4.2),
        dpi=110,
        palette=True,
    )


_PROBABILITY = (
    "mean",
    "probability",
    "Probability of class 1",
    "The plane from blue for class 0 to orange for class 1, with a pale band between them that "
    "bends between the two moons and widens away from the points.",
    "The mean over posterior draws of the probability. Dashed: where both classes are as likely. "
    "Points: the held-out rows.",
)
_EPISTEMIC = (
    "epistemic",
    "epistemic",
    "Epistemic uncertainty",
    "The plane is pale where there are points, and dark in two widening beams where the boundary "
    "leaves them.",
    "The sd of the probability over posterior draws: what more data could remove.",
)
_MUTUAL_INFORMATION = (
    "mutual_information",
    "mutual_information",
    "Mutual information",
    "As the epistemic uncertainty: pale near the points, dark in two beams along the boundary away "
    "from them.",
    "What knowing the weights would tell about the class, in nats: entropy of the predicted class "
    "less its mean over posterior draws.",
)


def _data(data: Halves) -> Picture:
    return picture(
        lambda ax: plot.data(data.X_train, data.y_train, ax),
        name="data",
        title="Rows to learn from",
        alt="Two interleaved half circles of points, one class each, that overlap a little.",
        caption="make_moons with noise 0.2, scaled by the mean and sd of these rows.",
        size=_SURFACE,
    )


def _elbo(entries: Sequence[Entry]) -> Picture:
    fits = [entry.posterior for entry in entries]
    return picture(
        lambda ax: plot.elbo(*fits, labels=[entry.name for entry in entries], ax=ax),
        name="elbo",
        title="ELBO of the three fits",
        alt="Three noisy curves that rise and level off; the legend gives the final values "
        + "; ".join(f"{e.name} {e.posterior.diagnostics.elbo:.1f}" for e in entries)
        + ".",
        caption="Running means over a hundredth of the longest fit; behind them single estimates. "
        "The step size falls towards the end of a fit, and its noise with it.",
    )


def _draw_surface(entry: Entry, data: Halves, plan: Plan, quantity: Any, ax: Any) -> None:
    plot.surface(
        entry.posterior, data.X_test, data.y_test, quantity, ax, draws=plan.draws, seed=plan.seed
    )


def _surface(
    entry: Entry,
    data: Halves,
    plan: Plan,
    quantity: str,
    name: str,
    title: str,
    alt: str,
    caption: str,
) -> Picture:
    return picture(
        lambda ax: _draw_surface(entry, data, plan, quantity, ax),
        name=name,
        title=title,
        alt=alt,
        caption=caption,
        size=_SURFACE,
    )


def _predictions(entry: Entry, data: Halves) -> Picture:
    return picture(
        lambda ax: plot.predictions(entry.prediction, data.X_test, data.y_test, ax),
        name="predictions",
        title="Predictions for the held-out half",
        alt=f"The held-out points by predicted class; {1 - entry.accuracy:.1%} are crossed out as "
        "errors, nearly all where the moons overlap.",
        caption="The paler a point, the less probable its predicted class; a cross marks an error.",
        size=_SURFACE,
    )


def _weights(entry: Entry) -> Picture:
    return picture(
        lambda ax: plot.weights(entry.posterior, ax=ax),
        name="weights",
        title="Weights",
        alt="One horizontal interval for each of the 40 weights; some are narrow and away from 0, "
        "most are as wide as their prior.",
        caption="Marginal posteriors: mean, central 50% and 90% intervals. Units that the data do "
        "not need stay at their prior.",
        size=(6.4, 7.4),
    )
