"""Kronecker-factored Laplace where it is exact, and what it refuses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import moonfield as mf
from moonfield.families import KroneckerGaussian
from moonfield.model import space
from tests.helpers import in_units_of_error, linear_model, moons_model, regression_rows

NOISE_SD = 0.5


def linear_network(prior, likelihood, outputs: int = 1, bias: bool = True) -> mf.BayesianNetwork:
    return mf.BayesianNetwork(mf.nets.MLP([3, outputs], bias=bias), prior, likelihood)


def kronecker(model: mf.BayesianNetwork, X: np.ndarray, y: np.ndarray) -> mf.Posterior:
    return mf.fit(model, X, y, method=mf.Laplace("kronecker", starts=1))


def covariance_of(gaussian: KroneckerGaussian) -> np.ndarray:
    """Through the linear map from noise to draws."""
    root = np.zeros((gaussian.mean.size, gaussian.mean.size))
    for block in gaussian.blocks:
        index, rows, columns, sd = (np.asarray(leaf, np.float64) for leaf in block)
        places = index.astype(int).ravel()
        root[np.ix_(places, places)] = np.kron(rows, columns) * sd.ravel()
    return root @ root.T


def linear_rows(outputs: int = 1) -> tuple[np.ndarray, np.ndarray]:
    X, y = regression_rows(40, 3)
    return X, y if outputs == 1 else np.column_stack([y * (k + 1) for k in range(outputs)])


PRIORS = {
    "one sd": (mf.priors.Normal(0.0, 0.8), np.full(4, 0.8)),
    "by input": (
        {
            "*.weight": mf.priors.Normal(0.0, jnp.asarray([[0.1, 1.0, 5.0]])),
            "*": mf.priors.Normal(0.0, 2.0),
        },
        np.asarray([0.1, 1.0, 5.0, 2.0]),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(PRIORS))
def test_a_linear_regression_is_exact(name: str, x64: None) -> None:
    """Mean, covariance and evidence of the closed form, whatever the prior of each input."""
    prior, sds = PRIORS[name]
    X, y = linear_rows()
    posterior = kronecker(linear_network(prior, mf.likelihoods.Normal(sd=NOISE_SD)), X, y)
    design = np.column_stack([X, np.ones(len(X))])
    want = np.linalg.inv(design.T @ design / NOISE_SD**2 + np.diag(sds**-2.0))
    order = [3, 0, 1, 2]  # z has the bias first
    places = np.argsort(np.concatenate([b.places.ravel() for b in posterior.approximation.blocks]))
    want = want[np.ix_(places, places)]
    mean = want @ (design.T @ y / NOISE_SD**2)[places]
    assert sorted(places) == sorted(order)
    np.testing.assert_allclose(covariance_of(posterior.approximation), want, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(posterior.approximation.mean, mean, rtol=1e-5)
    marginal = stats.multivariate_normal(
        cov=(design * sds**2) @ design.T + NOISE_SD**2 * np.eye(40)
    )
    evidence = posterior.diagnostics.facts["log_marginal_likelihood"]
    np.testing.assert_allclose(evidence, marginal.logpdf(y), rtol=1e-7)


@pytest.mark.slow
def test_several_outputs_are_the_full_hessian(x64: None) -> None:
    X, y = linear_rows(outputs=2)
    model = linear_network(mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal(sd=NOISE_SD), 2)
    full = mf.fit(model, X, y, method=mf.Laplace("full", starts=1))
    root = np.asarray(full.approximation.scale_tril)
    found = covariance_of(kronecker(model, X, y).approximation)
    np.testing.assert_allclose(found, root @ root.T, rtol=1e-6, atol=1e-10)


@pytest.mark.slow
def test_one_row_of_classes_is_the_full_hessian(x64: None) -> None:
    """One row is one Kronecker product; the layer is the last, so Gauss-Newton is the Hessian."""
    X, y = np.asarray([[0.3, -1.0, 2.0]]), np.asarray([1])
    model = linear_network(mf.priors.Normal(0.0, 1.0), mf.likelihoods.Categorical(), 3)
    full = mf.fit(model, X, y, method=mf.Laplace("full", starts=1))
    root = np.asarray(full.approximation.scale_tril)
    posterior = kronecker(model, X, y)
    np.testing.assert_allclose(
        covariance_of(posterior.approximation), root @ root.T, rtol=1e-5, atol=1e-8
    )
    assert posterior.diagnostics.elbo == pytest.approx(full.diagnostics.elbo, rel=1e-7)


@pytest.mark.slow
def test_weights_of_rows_count_rows(x64: None) -> None:
    X, y = linear_rows()
    model = linear_network(mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal(sd=NOISE_SD))
    method = mf.Laplace("kronecker", starts=1)
    twice = mf.fit(model, np.tile(X, (2, 1)), np.tile(y, 2), method=method)
    weighted = mf.fit(model, X, y, weights=np.full(len(X), 2.0), method=method)
    np.testing.assert_allclose(
        covariance_of(weighted.approximation), covariance_of(twice.approximation), rtol=1e-8
    )


class Deep(eqx.Module):
    """Layers of Equinox, and a number that belongs to none."""

    first: eqx.nn.Linear
    second: eqx.nn.Linear
    scale: jax.Array

    def __init__(self):
        one, other = jax.random.split(jax.random.key(0))
        self.first = eqx.nn.Linear(3, 4, key=one)
        self.second = eqx.nn.Linear(4, 2, use_bias=False, key=other)
        self.scale = jnp.ones(())

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.scale * self.second(jnp.tanh(self.first(x)))


@pytest.mark.slow
def test_factors_are_the_means_of_outer_products(x64: None) -> None:
    """Of a deep network, by hand from the derivatives in the weights themselves."""
    X, y = linear_rows(outputs=2)
    model = mf.BayesianNetwork(
        Deep(), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal(sd=NOISE_SD)
    )
    posterior = kronecker(model, X, y)
    z = posterior.approximation.mean
    params = space(model).constrain(z)[0]
    network = model.with_params(params)
    hidden = jax.vmap(lambda x: jnp.tanh(network.first(x)))(X)
    weight, scale = np.asarray(network.second.weight), float(network.scale)
    slopes = scale * weight * (1.0 - np.asarray(hidden)[:, None, :] ** 2)
    design = np.column_stack([X, np.ones(len(X))])
    inputs = {0: design.T @ design, 1: hidden.T @ hidden}
    outputs = {
        0: np.einsum("nki,nkj->ij", slopes, slopes) / NOISE_SD**2,
        1: len(X) * np.eye(2) * scale**2 / NOISE_SD**2,
    }
    covariance = covariance_of(posterior.approximation)
    for layer, block in enumerate(posterior.approximation.blocks):
        places = np.asarray(block.places).ravel()
        precision = np.kron(outputs[layer], inputs[layer]) / len(X) + np.eye(len(places))
        found = covariance[np.ix_(places, places)]
        np.testing.assert_allclose(found, np.linalg.inv(precision), rtol=1e-6, atol=1e-9)
    alone = np.flatnonzero(np.asarray(posterior.approximation.sd) != 1.0)
    assert [space(model).path_of(int(k)) for k in alone] == ["scale"]


@pytest.mark.slow
def test_draws_density_and_moments_belong_together(x64: None) -> None:
    X, y = linear_rows(outputs=2)
    model = mf.BayesianNetwork(
        Deep(), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal(sd=NOISE_SD)
    )
    gaussian = kronecker(model, X, y).approximation
    covariance = covariance_of(gaussian)
    mean, sd = (np.asarray(moment) for moment in gaussian.moments())
    alone = np.asarray(gaussian.sd) != 1.0
    covariance[alone, alone] = sd[alone] ** 2
    want = stats.multivariate_normal(mean, covariance)
    np.testing.assert_allclose(sd**2, covariance.diagonal(), rtol=1e-8)
    draws = jax.vmap(gaussian.draw, (None, 0))(jax.random.key(2), jnp.arange(20_000))
    np.testing.assert_allclose(gaussian.log_prob(draws[0]), want.logpdf(draws[0]), rtol=1e-8)
    np.testing.assert_allclose(gaussian.entropy(), want.entropy(), rtol=1e-8)
    centred = np.asarray(draws) - mean
    products = centred[:, :, None] * centred[:, None, :]
    assert (np.abs(in_units_of_error(products, covariance)) < 5.0).all()


class Twice(eqx.Module):
    """A layer that is used twice."""

    layer: eqx.nn.Linear

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.layer(self.layer(x))


class Within(eqx.Module):
    """A layer inside a vmap."""

    layer: eqx.nn.Linear

    def __call__(self, x: jax.Array) -> jax.Array:
        return jnp.sum(jax.vmap(self.layer)(jnp.stack([x, 2.0 * x])), axis=0)


@pytest.mark.parametrize(
    ("network", "message"),
    [(Twice, "layer.weight is used 2 times"), (Within, "called inside jax.vmap")],
)
def test_a_layer_must_be_used_once(network: type[eqx.Module], message: str) -> None:
    layer = eqx.nn.Linear(3, 3, key=jax.random.key(0))
    model = mf.BayesianNetwork(
        network(layer), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal(sd=1.0)
    )
    X, y = linear_rows(outputs=3)
    with pytest.raises(ValueError, match=message):
        kronecker(model, X, y)


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        (mf.priors.Laplace(0.0, 1.0), "need a normal prior on the weights themselves"),
        (mf.priors.LearnedScale(), "need a normal prior on the weights themselves"),
        (mf.priors.Normal(0.0, 1.0 + jnp.eye(2, 3)), "a number for each input times one for each"),
    ],
)
def test_priors_that_do_not_fit(prior, message: str) -> None:
    model = linear_network(prior, mf.likelihoods.Normal(sd=1.0), 2, bias=False)
    X, y = linear_rows(outputs=2)
    with pytest.raises(ValueError, match=message):
        kronecker(model, X, y)


def test_programs_have_no_layers() -> None:
    layers = linear_model(3, mf.likelihoods.Normal(sd=1.0))
    assert mf.Laplace("kronecker").bind(layers).hessian == "kronecker"
    scale = eqx.nn.LayerNorm(2)
    model = mf.BayesianNetwork(scale, mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal(sd=1.0))
    with pytest.raises(ValueError, match=r"no layers of mf\.nets"):
        mf.Laplace("kronecker").bind(model)


@pytest.mark.slow
def test_the_moons_have_no_negative_curvature(moons) -> None:
    posterior = mf.fit(moons_model(), moons.X, moons.y, method=mf.Laplace("kronecker", starts=2))
    assert posterior.diagnostics.facts["curvatures_replaced"] == 0
    full = mf.fit(moons_model(), moons.X, moons.y, method=mf.Laplace(starts=2))
    gap = posterior.diagnostics.elbo - full.diagnostics.elbo
    assert abs(gap) < 5.0
