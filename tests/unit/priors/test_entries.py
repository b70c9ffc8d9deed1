"""Priors of arrays of weights with latent variables of their own."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats

import moonfield as mf
from moonfield.priors import Latents

SHAPES = {"layers.0.weight": (4, 3), "layers.0.bias": (4,), "layers.1.weight": (2, 4)}


def model(entry: Any) -> mf.BayesianNetwork:
    prior = {"layers.0.*": entry, "*": mf.priors.Normal()}
    return mf.BayesianNetwork(mf.nets.MLP([3, 4, 2]), prior, mf.likelihoods.Normal(sd=1.0))


def draws(entry: Any, count: int = 4_000) -> dict[str, np.ndarray]:
    """Draws of the first layer's weights and its latents."""
    it = model(entry)
    keys = jax.random.split(jax.random.key(0), count)
    params = jax.vmap(it.sample_prior)(keys)
    weights = jax.vmap(it.weights)(params)["network"].layers[0]
    own = params["prior"].get("layers.0.weight", {})
    return {"weight": np.asarray(weights.weight), **{k: np.asarray(v) for k, v in own.items()}}


@pytest.mark.parametrize(
    ("per", "weight", "bias"),
    [("layer", (1, 1), (1,)), ("unit", (4, 1), (4,)), ("input", (1, 3), (1,))],
)
def test_scales_are_per_what_was_asked(per: str, weight: tuple, bias: tuple) -> None:
    for entry in (mf.priors.LearnedScale(per=per), mf.priors.Horseshoe(per=per)):
        own = model(entry).init(jax.random.key(0))["prior"]
        assert set(own) == {"layers.0.weight", "layers.0.bias"}
        name = "scale" if isinstance(entry, mf.priors.LearnedScale) else "local"
        assert own["layers.0.weight"][name].shape == weight
        assert own["layers.0.bias"][name].shape == bias


def test_a_learned_scale_is_divided_by_the_fan_in() -> None:
    found = draws(mf.priors.LearnedScale(dist.HalfNormal(2.0)), 20_000)
    # E[w^2] = E[s^2] / fan_in
    np.testing.assert_allclose((found["weight"] ** 2).mean(), 4.0 / 3.0, rtol=0.05)
    per_input = draws(mf.priors.LearnedScale(dist.HalfNormal(2.0), per="input"), 20_000)
    np.testing.assert_allclose((per_input["weight"] ** 2).mean(), 4.0, rtol=0.05)


def test_weights_of_a_group_share_their_scale() -> None:
    found = draws(mf.priors.Horseshoe(1.0, per="input"))
    sizes = np.log(np.abs(found["weight"]))  # (draws, units, inputs)
    same = np.corrcoef(sizes[:, 0, 0], sizes[:, 1, 0])[0, 1]
    other = np.corrcoef(sizes[:, 0, 0], sizes[:, 1, 1])[0, 1]
    assert same > other + 0.2
    assert other > 0.2  # the global scale


def test_a_horseshoe_is_the_product_of_its_factors() -> None:
    found = draws(mf.priors.Horseshoe(0.3), 20_000)
    assert stats.kstest(found["local"].ravel()[:5_000], stats.halfcauchy.cdf).pvalue > 1e-3
    assert stats.kstest(found["global"].ravel()[:5_000], stats.halfcauchy.cdf).pvalue > 1e-3
    scale = 0.3 * found["global"][:, None, None] * found["local"]
    standard = (found["weight"] / scale)[:, 0, 0][:5_000]
    assert stats.kstest(standard, stats.norm.cdf).pvalue > 1e-3


def test_a_regularised_horseshoe_is_bounded_by_its_slab() -> None:
    entry = mf.priors.RegularisedHorseshoe(1.0)
    latents = {
        "global": jnp.float32(1e3), "local": jnp.array([[1e-6, 1.0, 1e6]]),
        "slab": jnp.float32(4.0), "weight": jnp.ones((2, 3)),
    }  # fmt: skip
    weights = np.asarray(entry.transform(latents))
    np.testing.assert_allclose(weights[0], [1e-3, 2.0, 2.0], rtol=1e-4)


def test_a_scale_mixture_has_the_density_of_its_equation(x64: None) -> None:
    entry = mf.priors.ScaleMixture(wide=2.0, narrow=0.1, share=0.3)
    w = np.linspace(-3.0, 3.0, 12).reshape(4, 3)
    want = np.log(0.3 * stats.norm.pdf(w, scale=2.0) + 0.7 * stats.norm.pdf(w, scale=0.1))
    prior = mf.priors.Independent(entry)
    found = prior.log_prob(Latents({"w": jnp.asarray(w)}, {}))
    np.testing.assert_allclose(found, want.sum(), rtol=1e-9)


def test_scales_are_learned() -> None:
    """An input whose weight must be large gets a large scale, others a small one."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    prior = {"*.weight": mf.priors.LearnedScale(per="input"), "*": mf.priors.Normal()}
    network = mf.nets.MLP([4, 1])
    it = mf.BayesianNetwork(network, prior, mf.likelihoods.Normal(sd=0.1))
    posterior = mf.fit(it, X, 3.0 * X[:, 0] - 0.01 * X[:, 1], method="advi", steps=3_000)
    scales = np.asarray(posterior.sample(200)["prior"]["layers.0.weight"]["scale"])
    relevance = np.median(scales, axis=0)[0]
    assert relevance[0] > 1.0
    assert relevance[0] > 3.0 * relevance[1:].max()


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan")])
def test_numbers_that_are_not_positive_are_refused(bad: float) -> None:
    for make in (
        mf.priors.Horseshoe,
        lambda v: mf.priors.RegularisedHorseshoe(1.0, slab=v),
        lambda v: mf.priors.ScaleMixture(narrow=v),
    ):
        with pytest.raises(ValueError, match="must be positive"):
            make(bad)


def test_other_mistakes_are_named(wrong_types: None) -> None:
    with pytest.raises(ValueError, match="per must be one of"):
        mf.priors.Horseshoe(per="weight")
    with pytest.raises(TypeError, match="NumPyro distribution, got float"):
        mf.priors.LearnedScale(1.0)
    with pytest.raises(ValueError, match="positive number"):
        mf.priors.LearnedScale(dist.Normal(0.0, 1.0))
    with pytest.raises(ValueError, match="share"):
        mf.priors.ScaleMixture(share=1.0)


def test_units_count_until_the_width_and_no_further() -> None:
    """`w[:, u] = sd max(0, 1 - (u rate / typical)^8) z[:, u]`."""
    entry = mf.priors.AdaptiveWidth(sd=2.0, typical=8.0)
    z = np.random.default_rng(0).normal(size=(2, 6)).astype(np.float32)
    values = {"weight": jnp.asarray(z), "rate": jnp.full((1, 1), 2.0)}
    factors = np.maximum(0.0, 1.0 - (np.arange(6) / 4.0) ** 8)
    assert (factors[4:] == 0.0).all()
    np.testing.assert_allclose(entry.transform(values), 2.0 * factors * z, rtol=1e-6)


def test_the_width_has_a_gradient_at_its_end_and_a_finite_one_everywhere() -> None:
    with jax.enable_x64(True):
        entry = mf.priors.AdaptiveWidth(typical=8.0)

        def total(rate: Any) -> Any:
            return entry.profile(rate, 12).sum()

        rate = jnp.full((1, 1), 0.9)
        step = (total(rate + 1e-6) - total(rate - 1e-6)) / 2e-6
        np.testing.assert_allclose(jax.grad(total)(rate)[0, 0], step, rtol=1e-6)
        assert step < -1.0
        assert jax.grad(total)(jnp.full((1, 1), 1e200))[0, 0] == 0.0


def test_an_adaptive_width_is_of_a_matrix() -> None:
    with pytest.raises(ValueError, match="AdaptiveWidth is for a weight matrix"):
        model(mf.priors.AdaptiveWidth())
