"""What several tests share: data, models, posteriors with given variational parameters."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield.data import Batch, Dataset, dataset, full_batch
from moonfield.families import MeanField, MeanFieldState, Variational
from moonfield.inference import rounds
from moonfield.inference.host_lbfgs import climb
from moonfield.model import space


class Split(NamedTuple):
    """Rows to train on and rows to test on."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def moons_split() -> Split:
    """The data of the classic tutorial."""
    from sklearn.datasets import make_moons

    X, y = make_moons(1_000, noise=0.2, random_state=0)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return Split(X[:500], y[:500], X[500:], y[500:])


def moons_model(sd: float = 1.0) -> mf.BayesianNetwork:
    """2-5-5-1, tanh, without biases."""
    network = mf.nets.MLP([2, 5, 5, 1], activation="tanh", bias=False)
    return mf.BayesianNetwork(network, mf.priors.Normal(0.0, sd), mf.likelihoods.Bernoulli())


def linear_model(
    inputs: int, likelihood: Any, outputs: int = 1, bias: bool = False, prior_sd: float = 1.0
) -> mf.BayesianNetwork:
    """A network of one affine layer."""
    network = mf.nets.MLP([inputs, outputs], bias=bias)
    return mf.BayesianNetwork(network, mf.priors.Normal(0.0, prior_sd), likelihood)


def regression_rows(rows: int, inputs: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Normal inputs, and targets that are linear in them plus noise of sd 0.5."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, inputs))
    return X, X @ np.linspace(-1.0, 1.0, inputs) + 0.5 * rng.normal(size=rows)


def checked(model: mf.BayesianNetwork, X: Any, y: Any, weights: Any = None) -> Dataset:
    """Rows as `fit` checks them."""
    return dataset(X, y, model.target_shape(X), weights)


def all_rows(model: mf.BayesianNetwork, X: Any, y: Any, weights: Any = None) -> Batch:
    """Rows as the engine sees them when it takes all of them."""
    return jax.device_put(full_batch(checked(model, X, y, weights)))


def posterior_at(model: mf.BayesianNetwork, mean: Any, sd: Any) -> mf.Posterior:
    """A mean-field posterior with given means and sds of the unconstrained vector."""
    size = space(model).size
    mean = jnp.broadcast_to(jnp.asarray(mean, jnp.result_type(float)), (size,))
    log_sd = jnp.broadcast_to(jnp.log(jnp.asarray(sd, jnp.result_type(float))), (size,))
    return posterior_of(model, MeanFieldState(mean, log_sd))


def posterior_of(model: mf.BayesianNetwork, state: MeanFieldState) -> mf.Posterior:
    """A mean-field posterior in a given state."""
    facts = {
        "method": "advi", "result": "steps_exhausted", "steps": 0, "rows": 1, "batch_size": None,
        "elbo": 0.0, "elbo_se": 0.0, "restart_elbos": (0.0,), "seed": 0,
        "compile_seconds": 0.0, "run_seconds": 0.0,
    }  # fmt: skip
    approximation = Variational(MeanField(), state, space(model).size)
    diagnostics = mf.Diagnostics.from_dict(facts)
    return mf.Posterior(model, approximation, np.zeros(0), diagnostics)


def state_of(posterior: mf.Posterior) -> MeanFieldState:
    """The variational parameters, as NumPy arrays."""
    return jax.tree.map(np.asarray, posterior.approximation.state)


def same_bytes(left: Any, right: Any) -> bool:
    """Whether two trees of arrays agree in structure, types and every bit."""
    if jax.tree.structure(left) != jax.tree.structure(right):
        return False
    pairs = zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True)
    return all(_bits(a) == _bits(b) for a, b in pairs)


def _bits(leaf: Any) -> tuple:
    array = np.asarray(leaf)
    return array.dtype, array.shape, array.tobytes()


def in_units_of_error(draws: np.ndarray, truth: Any) -> np.ndarray:
    """How many standard errors the mean over the first axis lies from the truth."""
    draws = np.asarray(draws, np.float64)
    error = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
    return (draws.mean(axis=0) - np.asarray(truth)) / error


def interrupt_climbs(monkeypatch: pytest.MonkeyPatch, after: int = 1) -> list[Any]:
    """The keyboard ends `empirical_bayes` after so many climbs; what each was called with."""
    calls = []

    def interrupted(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) > after:
            raise KeyboardInterrupt
        return climb(*arguments)

    monkeypatch.setattr(rounds, "climb", interrupted)
    return calls
