"""What a NumPyro model and its data cannot be is said before anything is fitted."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import moonfield as mf

X = np.random.default_rng(0).normal(size=30)
CLASS = np.arange(30) % 3


def program(likelihood: Callable, prior: dist.Distribution | None = None) -> mf.Program:
    """One latent q; y is distributed as the likelihood says of q and x."""

    def model(x: Any, y: Any = None) -> None:
        q = numpyro.sample("q", dist.Normal(0.0, 1.0) if prior is None else prior)
        with numpyro.plate("rows", x.shape[0]):
            numpyro.sample("y", likelihood(q, x), obs=y)

    return mf.Program(model)


def fit(model: mf.Program, y: Any, method: str = "laplace") -> mf.Posterior:
    return mf.fit(model, data={"x": X, "y": y}, method=method)


SLOPES = dist.Normal(0.0, 1.0).expand([3]).to_event(1)
NORMAL = program(lambda q, x: dist.Normal(q * x, 0.5))


@pytest.mark.parametrize(
    ("likelihood", "y", "said"),
    [
        (lambda q, x: dist.Poisson(jnp.exp(q + x)), CLASS - 1, r"is -1 at \(0,\), which Poisson"),
        (lambda q, x: dist.Poisson(jnp.exp(q + x)), CLASS + 0.5, r"is 0.5 at \(0,\)"),
        (lambda q, x: dist.Bernoulli(logits=q * x), CLASS, r"is 2 at \(2,\)"),
        (lambda q, x: dist.Binomial(1, logits=q * x), CLASS, r"is 2 at \(2,\)"),
        (lambda q, x: dist.Beta(jnp.exp(q + x), 1.0), CLASS * 0.6, r"is 1\.2\d* at \(2,\)"),
        (lambda q, x: dist.HalfNormal(jnp.exp(q + x)), X - 9.0, r"which HalfNormal of site 'y'"),
        (lambda q, x: dist.Normal(q * x, 1.0), X[:, None], r"shape \(30, 1\), but .* \(30,\)"),
        (lambda q, x: dist.Normal(q * x, 1.0), X[:7], r"shape \(7,\), but site 'y' has shape"),
        (lambda q, x: dist.Normal(q * x, 1.0), X * 1e300, "must be finite, and fit float32"),
        (lambda q, x: dist.Normal(q * x, 1.0), np.ma.masked_less(X, 0.0), "is masked, first at"),
        (lambda q, x: dist.Normal(q * x, 1.0), X[:0], "has no rows"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["auto", "advi"])
def test_data_that_cannot_be_observed(likelihood, y, said, method) -> None:
    with pytest.raises(ValueError, match=r"data\['y'\].*" + said):
        fit(program(likelihood), y, method)


@pytest.mark.parametrize("y", [CLASS + 5, CLASS + 0.5])
def test_classes_are_those_of_the_distribution(y: Any) -> None:
    with pytest.raises(ValueError, match="which CategoricalLogits of site 'y' cannot be"):
        fit(program(lambda q, x: dist.Categorical(logits=jnp.outer(x, q)), SLOPES), y)


def test_masked_data_may_be_anything() -> None:
    counts = program(lambda q, x: dist.Poisson(jnp.exp(q + 0.0 * x)).mask(x > 0.0))
    found = fit(counts, np.where(X > 0.0, 2, -1))
    assert found.predict({"x": X}).mean[0] == pytest.approx(2.0, rel=0.2)


def test_shares_add_up_to_1_but_for_rounding() -> None:
    shares = np.random.default_rng(0).dirichlet(np.ones(50), size=30)
    found = fit(program(lambda q, x: dist.Dirichlet(jnp.exp(q) * jnp.ones((30, 50)))), shares)
    assert found.sample(1_000)["q"].mean() == pytest.approx(0.0, abs=0.2)


@pytest.mark.filterwarnings("ignore::moonfield.MoonfieldWarning")
def test_a_support_that_parameters_change_is_not_judged() -> None:
    uniform = program(lambda q, x: dist.Uniform(0.0, 10.0 * jnp.exp(q) + 0.0 * x))
    assert fit(uniform, np.abs(X)).predict({"x": X}).rows == 30


def test_a_numpyro_param_is_refused() -> None:
    def model(x: Any, y: Any = None) -> None:
        slope = numpyro.param("slope", 0.0)
        level = numpyro.sample("level", dist.Normal(0.0, 1.0))
        with numpyro.plate("rows", x.shape[0]):
            numpyro.sample("y", dist.Normal(slope * x + level, 0.5), obs=y)

    with pytest.raises(ValueError, match=r"numpyro.param 'slope', which has no posterior"):
        fit(mf.Program(model), X)


@pytest.mark.parametrize(("x", "said"), [(X[:0], "has no rows"), (1.0, "'x' must have rows")])
def test_new_rows_are_rows(x: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fit(NORMAL, X).predict({"x": x})


@pytest.mark.parametrize("kind", [int, float])
@pytest.mark.parametrize(
    ("likelihood", "prior"),
    [
        (lambda q, x: dist.Categorical(logits=jnp.outer(x, q)), SLOPES),
        (lambda q, x: dist.Categorical(logits=q), SLOPES),
        (lambda q, x: dist.Categorical(q), dist.Dirichlet(jnp.ones(3))),
        (lambda q, x: dist.OrderedLogistic(q * x, jnp.array([-0.5, 0.5])), None),
    ],
    ids=["of rows", "logits of all", "probabilities of all", "ordered"],
)
def test_categories_are_predicted_and_judged(likelihood, prior, kind) -> None:
    y = CLASS.astype(kind)
    prediction = fit(program(likelihood, prior), y).predict({"x": X}, draws=200)
    assert prediction.probabilities.shape == prediction.mean.shape == (30, 3)
    np.testing.assert_allclose(prediction.probabilities.sum(axis=1), 1.0, rtol=1e-5)
    own = np.log(prediction.probabilities[np.arange(30), CLASS])
    np.testing.assert_allclose(prediction.log_prob(y), own, rtol=1e-4)
    assert mf.diagnostics.log_score(prediction, y).value == pytest.approx(own.mean(), rel=1e-4)
