"""A noise scale is known, learned or a head."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import moonfield as mf
from moonfield import likelihoods

KINDS = [
    (likelihoods.Normal, "sd", dist.HalfCauchy(1.0)),
    (lambda s: likelihoods.StudentT(scale=s), "scale", dist.HalfCauchy(1.0)),
    (likelihoods.NegativeBinomial, "concentration", dist.LogNormal(1.0, 1.5)),
]
each_kind = pytest.mark.parametrize(("make", "name", "prior"), KINDS, ids=[k[1] for k in KINDS])


@each_kind
def test_learned_has_the_documented_prior(make, name: str, prior: dist.Distribution) -> None:
    priors = make("learned").priors()
    assert list(priors) == [name]
    at = jnp.asarray([0.2, 1.0, 7.0])
    np.testing.assert_allclose(priors[name].log_prob(at), prior.log_prob(at), rtol=1e-6)


@each_kind
def test_a_distribution_is_its_own_prior(make, name: str, prior: dist.Distribution) -> None:
    priors = make(dist.Gamma(2.0, 3.0)).priors()
    at = jnp.asarray([0.2, 1.0])
    np.testing.assert_allclose(
        priors[name].log_prob(at), dist.Gamma(2.0, 3.0).log_prob(at), rtol=1e-6
    )


@each_kind
@pytest.mark.parametrize("spec", [0.5, 2])
def test_nothing_else_is_learned(make, name: str, prior: dist.Distribution, spec) -> None:
    assert make(spec).priors() == {}


@each_kind
def test_a_head_takes_half_of_the_outputs(make, name: str, prior: dist.Distribution) -> None:
    assert make("head").target_shape(2) == ()
    assert make("head").target_shape(6) == (3,)
    assert make("learned").target_shape(6) == (6,)
    with pytest.raises(ValueError, match=r"even number of outputs.*has 3"):
        make("head").target_shape(3)


def test_a_head_gives_locations_first_then_scales() -> None:
    outputs = jnp.asarray([[1.0, 2.0, -1.0, 3.0]])
    mean, variance = likelihoods.Normal(sd="head").moments({"sd": jnp.asarray(0.5)}, outputs)
    np.testing.assert_allclose(mean, [[1.0, 2.0]])
    factors = np.exp(3.0 * np.tanh(np.asarray([[-1.0, 3.0]]) / 3.0))
    np.testing.assert_allclose(np.sqrt(variance), 0.5 * factors, rtol=1e-5)


@each_kind
def test_a_head_has_a_prior_of_its_scale(make, name: str, prior: dist.Distribution) -> None:
    own, given = make("head").priors(), make(likelihoods.Head(dist.Gamma(2.0, 3.0))).priors()
    assert type(own[name]) is type(prior)
    np.testing.assert_allclose(
        given[name].log_prob(0.4), dist.Gamma(2.0, 3.0).log_prob(0.4), rtol=1e-6
    )


@each_kind
@pytest.mark.parametrize("spec", [0.0, -1.0, float("nan")])
def test_a_scale_must_be_positive(make, name: str, prior: dist.Distribution, spec: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be positive, got {spec}"):
        make(spec)


@each_kind
@pytest.mark.parametrize("spec", ["leaned", None, True, [1.0, 2.0]])
def test_a_scale_is_of_a_known_kind(make, name: str, prior: dist.Distribution, spec) -> None:
    with pytest.raises(TypeError, match=f"{name} must be a positive number"):
        make(spec)


@pytest.mark.parametrize("df", [2.0, 1.0, float("nan")])
def test_student_t_needs_a_variance(df: float) -> None:
    with pytest.raises(ValueError, match=f"df must be above 2.*got {df}"):
        likelihoods.StudentT(df=df)


@pytest.mark.parametrize("spec", [0.25, "learned", "head"])
def test_reads_as_what_it_is(spec) -> None:
    text = str(likelihoods.Normal(sd=spec))
    assert str(spec) in text
    assert ("HalfCauchy" in text) == (spec != 0.25)


def test_a_model_learns_the_scale_under_its_prior() -> None:
    network = mf.nets.MLP([1, 1], bias=False)
    model = mf.BayesianNetwork(network, mf.priors.Normal(0.0, 2.0), likelihoods.Normal())
    params = {**model.init(jax.random.key(0)), "likelihood": {"sd": jnp.asarray(0.3)}}
    weight = params["network"].layers[0].weight
    want = dist.Normal(0.0, 2.0).log_prob(weight).sum() + dist.HalfCauchy(1.0).log_prob(0.3)
    np.testing.assert_allclose(model.log_prior(params), want, rtol=1e-6)


@each_kind
@pytest.mark.parametrize(
    "prior_of_it", [dist.Normal(0.5, 0.1), dist.Uniform(-1.0, 2.0), dist.Laplace()]
)
def test_its_prior_is_of_positive_numbers(make, name, prior, prior_of_it) -> None:
    for spec in (prior_of_it, likelihoods.Head(prior_of_it)):
        with pytest.raises(ValueError, match=f"prior of {name} must be of positive numbers"):
            make(spec)
    with pytest.raises(TypeError, match=f"prior of {name} must be a NumPyro distribution"):
        make(likelihoods.Head(1.0))


@pytest.mark.parametrize(
    "fine",
    [
        dist.Uniform(0.1, 2.0), dist.TruncatedNormal(0.5, 0.1, low=0.0), dist.InverseGamma(2.0),
        dist.Pareto(0.1, 2.0), dist.Beta(2.0, 2.0), dist.HalfNormal(jnp.ones(3)),
    ],
    ids=lambda it: type(it).__name__,
)  # fmt: skip
def test_priors_of_positive_numbers_are_welcome(fine: dist.Distribution) -> None:
    assert likelihoods.Normal(sd=fine).target_shape(3) == (3,)


def test_its_prior_has_one_entry_or_one_for_each_target() -> None:
    three = likelihoods.Normal(sd=dist.HalfNormal(jnp.ones(3)))
    for outputs in (1, 2, 16):
        with pytest.raises(ValueError, match=rf"shape \(3,\), for {outputs} targets"):
            three.target_shape(outputs)
    with pytest.raises(ValueError, match="has no axes"):
        likelihoods.Normal(sd=dist.HalfNormal(jnp.ones(1))).target_shape(1)
