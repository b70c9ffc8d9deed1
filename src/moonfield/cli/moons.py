"""The moons: data, model, three fits, and what they say about the other half."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split

from .. import likelihoods, networks, priors
from .._core.results import Result
from ..model import BayesianNetwork
from ..posterior import Posterior, fit
from ..predictive import Prediction


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much to do; tests do less."""

    full_steps: int = 30_000
    batch_steps: int = 40_000
    batch_size: int = 50
    draws: int = 500
    seed: int = 0


class Halves(NamedTuple):
    """Rows to learn from and rows held out, in units of the former's mean and sd."""

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


class Entry(NamedTuple):
    """One fit and how it does on the held-out half."""

    name: str
    posterior: Posterior
    prediction: Prediction
    accuracy: float
    log_likelihood: float  # mean over rows, nats
    predict_seconds: float  # of the predictive mean, compiled before


def halves() -> Halves:
    """1,000 points of two moons with noise 0.2, half of them held out."""
    X, y = make_moons(1_000, noise=0.2, random_state=0)
    parts = train_test_split(X, y, test_size=0.5, random_state=0)
    X_train, X_test, y_train, y_test = map(np.asarray, parts)
    mean, sd = X_train.mean(axis=0), X_train.std(axis=0)
    return Halves((X_train - mean) / sd, y_train, (X_test - mean) / sd, y_test)


def network() -> BayesianNetwork:
    """2-5-5-1, tanh, no biases, standard normal priors."""
    return BayesianNetwork(
        network=networks.MLP([2, 5, 5, 1], activation="tanh", bias=False),
        prior=priors.Normal(0.0, 1.0),
        likelihood=likelihoods.Bernoulli(),
    )


def fits(
    plan: Plan, data: Halves, announce: Callable[[str], None] = lambda _: None
) -> Iterator[Entry]:
    """The three fits, each announced before it starts.

    Raises:
        KeyboardInterrupt: a fit was interrupted.
    """
    model = network()
    for name, steps, batch_size in (
        ("full batch", plan.full_steps, None),
        (f"batches of {plan.batch_size}", plan.batch_steps, plan.batch_size),
        ("automatic stop", None, None),
    ):
        announce(f"ADVI, {name}" + ("" if steps is None else f": {steps:,} steps"))
        posterior = fit(
            model,
            data.X_train,
            data.y_train,
            method="advi",
            steps=steps,
            batch_size=batch_size,
            seed=plan.seed,
        )
        if posterior.result is Result.interrupted:
            raise KeyboardInterrupt
        yield _entry(name, posterior, data, plan)


def _entry(name: str, posterior: Posterior, data: Halves, plan: Plan) -> Entry:
    prediction, seconds = _timed_prediction(posterior, data.X_test, plan)
    return Entry(
        name,
        posterior,
        prediction,
        accuracy=float(np.mean(prediction.label == data.y_test)),
        log_likelihood=float(np.mean(prediction.log_prob(data.y_test))),
        predict_seconds=seconds,
    )


def _timed_prediction(posterior: Posterior, X: np.ndarray, plan: Plan) -> tuple[Prediction, float]:
    """A prediction and how long its mean took, compiled before."""
    _ = posterior.predict(X, draws=plan.draws, seed=plan.seed).mean
    begin = time.perf_counter()
    prediction = posterior.predict(X, draws=plan.draws, seed=plan.seed)
    _ = prediction.mean
    return prediction, time.perf_counter() - begin
