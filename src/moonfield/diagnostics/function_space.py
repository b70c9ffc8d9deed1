"""What the predictions of a network say about its fit."""

import dataclasses

import numpy as np

_NATS, _ERRORS = 0.1, 3.0  # a row's log score, and its standard errors
_DISAGREEMENT = 1.0  # of restarts, in epistemic sds


@dataclasses.dataclass(frozen=True)
class Check:
    """Predictions on training and held-out rows, and those of restarts.

    Attributes:
        training: mean log score of the training rows and its standard error, nats a row; None
            without training data.
        held_out: the same of rows that were given; None without any.
        disagreement: root mean square over rows of the sd between the restarts' predictive means,
            in units of the epistemic sd that the posterior itself claims; None for one restart.
        sentences: what speaks against the fit; empty if nothing does.
    """

    training: tuple[float, float] | None
    held_out: tuple[float, float] | None
    disagreement: float | None
    sentences: tuple[str, ...]

    @property
    def overfitting(self) -> str | None:
        """What held-out rows say against the fit; None if nothing."""
        return next(iter(_of_scores(self.training, self.held_out)), None)

    @property
    def differing(self) -> str | None:
        """What the restarts say against it; None if nothing."""
        return next(iter(_of_restarts(self.disagreement)), None)

    def __str__(self) -> str:
        scores = {"training rows": self.training, "held-out rows": self.held_out}
        lines = [
            f"log score of {name}: {score[0]:.3f} (standard error {score[1]:.3f}) nats a row"
            for name, score in scores.items()
            if score is not None
        ]
        if self.disagreement is not None:
            lines.append(f"disagreement of restarts: {self.disagreement:.2f} epistemic sds")
        return "\n".join([*lines, *self.sentences])


def check_predictions(
    training: np.ndarray | None, held_out: np.ndarray | None, disagreement: float | None
) -> Check:
    """Judge log scores (rows,), nats, and the restarts' disagreement.

    Named are: held-out rows that score worse than training rows by more than 3 standard errors of
    the difference and more than 0.1 nats a row; and restarts whose predictive means differ by more
    than the epistemic sd, which should cover such differences.
    """
    seen = None if training is None else _mean_and_error(training)
    unseen = None if held_out is None else _mean_and_error(held_out)
    sentences = (*_of_scores(seen, unseen), *_of_restarts(disagreement))
    return Check(seen, unseen, disagreement, sentences)


def disagreement(means: np.ndarray, epistemic: np.ndarray) -> float:
    """Of predictive means (restarts, rows, ...), in units of the epistemic sds (rows, ...)."""
    between = np.mean(np.var(np.asarray(means, np.float64), axis=0, ddof=1))
    within = np.mean(np.asarray(epistemic, np.float64) ** 2)
    return float(np.sqrt(between / max(within, np.finfo(np.float32).tiny)))


def _mean_and_error(scores: np.ndarray) -> tuple[float, float]:
    scores = np.asarray(scores, np.float64)
    error = scores.std(ddof=1) / np.sqrt(scores.size) if scores.size > 1 else float("nan")
    return float(scores.mean()), float(error)


def _of_scores(
    training: tuple[float, float] | None, held_out: tuple[float, float] | None
) -> list[str]:
    if training is None or held_out is None:
        return []
    gap = training[0] - held_out[0]
    error = float(np.hypot(training[1], held_out[1]))
    if not (gap > _NATS and gap > _ERRORS * error):
        return []
    return [
        f"Held-out rows score {gap:.2f} nats a row worse than training rows (standard error "
        f"{error:.2f}): the fit is too sure of itself. Take a tighter prior, a smaller network, "
        "or method='ensemble'; or the rows come from elsewhere than the training rows."
    ]


def _of_restarts(disagreement: float | None) -> list[str]:
    if disagreement is None or disagreement <= _DISAGREEMENT:
        return []
    return [
        f"Restarts disagree by {disagreement:.1f} times the epistemic sd: one of them alone does "
        "not show how uncertain the predictions are. Take mf.Ensemble(of='advi'), or more steps."
    ]
