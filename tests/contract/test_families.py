"""The contract of a variational family."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.stats import multivariate_normal

from tests.helpers import in_units_of_error, same_bytes

from .registry import FAMILIES, SPACE

SIZE = SPACE.size
UNKNOWN_MOMENTS = ("AdaptiveDepth", "Flow", "Partial", "Point", "SpikeAndSlab")  # or sds of 0
# On vectors of numbers: one has a depth, others are a point in part or altogether.
NO_DENSITY = ("AdaptiveDepth", "Partial", "Point")
KNOWN_MOMENTS = [name for name in FAMILIES if name not in UNKNOWN_MOMENTS]
KNOWN_ENTROPY = [name for name in KNOWN_MOMENTS if not name.startswith("Mixture")]
each_family = pytest.mark.parametrize("name", list(FAMILIES))
each_density = pytest.mark.parametrize(
    "name", [name for name in FAMILIES if name not in NO_DENSITY]
)
each_known_moments = pytest.mark.parametrize("name", KNOWN_MOMENTS)
each_known_entropy = pytest.mark.parametrize("name", KNOWN_ENTROPY)


def state_of(family, seed: int = 0):
    """A state away from where it starts: every variational parameter moved."""
    state = family.init(jnp.linspace(-1.0, 1.0, SIZE), 0.5)
    leaves, treedef = jax.tree.flatten(state)
    rng = np.random.default_rng(seed)
    moved = [leaf + jnp.asarray(0.3 * rng.normal(size=leaf.shape), leaf.dtype) for leaf in leaves]
    return jax.tree.unflatten(treedef, moved)


def noise_for(family, draws: int, seed: int = 1) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), (draws, family.noise_size(SIZE)), float)


def draws_of(family, state, draws: int) -> jax.Array:
    return jax.jit(jax.vmap(family.sample, (None, 0)))(state, noise_for(family, draws))


@each_known_moments
def test_starts_where_and_as_wide_as_asked(name: str) -> None:
    family = FAMILIES[name]()
    location = jnp.linspace(-1.0, 1.0, SIZE)
    mean, sd = family.moments(family.init(location, 0.25))
    np.testing.assert_allclose(mean, location, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(sd, np.full(SIZE, 0.25), rtol=1e-5)


@each_known_moments
def test_moments_are_those_of_its_draws(name: str) -> None:
    family, draws = FAMILIES[name](), 20_000
    state = state_of(family)
    z = np.asarray(draws_of(family, state, draws))
    mean, sd = (np.asarray(moment) for moment in family.moments(state))
    assert z.shape == (draws, SIZE)
    assert (np.abs(in_units_of_error(z, mean)) < 4.5).all()
    assert (np.abs(in_units_of_error((z - mean) ** 2, sd**2)) < 4.5).all()


@each_known_entropy
def test_entropy_is_minus_the_mean_log_density(name: str, x64: None) -> None:
    family = FAMILIES[name]()
    state = state_of(family)

    def log_density(noise: jax.Array) -> jax.Array:
        return family.log_prob(state, family.sample(state, noise))

    logq = jax.jit(jax.vmap(log_density))(noise_for(family, 20_000))
    assert abs(in_units_of_error(-np.asarray(logq), family.entropy(state))) < 4.5


@each_density
def test_density_is_that_of_its_draws(name: str, x64: None) -> None:
    """Under q the mean of p / q is 1 for any density p: here a narrower normal at q's mean."""
    family = FAMILIES[name]()
    state = state_of(family)
    z = draws_of(family, state, 20_000)
    mean, covariance = jnp.mean(z, axis=0), 0.25 * jnp.cov(z.T)

    def ratio(z: jax.Array) -> jax.Array:
        logp = multivariate_normal.logpdf(z, mean, covariance)
        return jnp.exp(logp - family.log_prob(state, z))

    ratios = jax.jit(jax.vmap(ratio))(z)
    assert abs(in_units_of_error(np.asarray(ratios), 1.0)) < 4.5


@each_family
def test_same_under_jit(name: str, x64: None) -> None:
    family = FAMILIES[name]()
    state, noise = state_of(family), noise_for(family, 1)[0]
    z = family.sample(state, noise)
    pairs = [
        (family.sample(state, noise), eqx.filter_jit(family.sample)(state, noise)),
        (family.log_prob(state, z), eqx.filter_jit(family.log_prob)(state, z)),
        (family.entropy(state), eqx.filter_jit(family.entropy)(state)),
        (family.moments(state), eqx.filter_jit(family.moments)(state)),
    ]
    for plain, compiled in pairs:
        for one, other in zip(jax.tree.leaves(plain), jax.tree.leaves(compiled), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)


@each_family
def test_vmap_over_states_is_a_loop(name: str, x64: None) -> None:
    family = FAMILIES[name]()
    states = [state_of(family, seed) for seed in range(3)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
    noise = noise_for(family, 3)
    sample, log_prob = eqx.filter_jit(family.sample), eqx.filter_jit(family.log_prob)
    z = jax.jit(jax.vmap(family.sample))(stacked, noise)
    logq = jax.jit(jax.vmap(family.log_prob))(stacked, z)
    for i, state in enumerate(states):
        np.testing.assert_allclose(z[i], sample(state, noise[i]), rtol=1e-12)
        np.testing.assert_allclose(logq[i], log_prob(state, z[i]), rtol=1e-12)
        if name in KNOWN_ENTROPY:
            entropy = jax.vmap(family.entropy)(stacked)
            np.testing.assert_allclose(entropy[i], family.entropy(state), rtol=1e-12)


@each_family
@pytest.mark.parametrize("double", [False, True])
def test_keeps_the_precision(name: str, double: bool) -> None:
    with jax.enable_x64(double):
        family = FAMILIES[name]()
        state, noise = state_of(family), noise_for(family, 1)[0]
        z = eqx.filter_jit(family.sample)(state, noise)
        log_prob = eqx.filter_jit(family.log_prob)(state, z)
        out = (state, z, log_prob, family.entropy(state), family.moments(state))
        assert {leaf.dtype for leaf in jax.tree.leaves(out)} == {
            jnp.dtype("f8" if double else "f4")
        }


@each_family
def test_a_draw_knows_its_own_density(name: str, x64: None) -> None:
    family = FAMILIES[name]()
    state, noise = state_of(family), noise_for(family, 1)[0]
    z, log_density = eqx.filter_jit(family.sample_and_log_prob)(state, noise)
    np.testing.assert_allclose(z, eqx.filter_jit(family.sample)(state, noise), rtol=1e-12)
    np.testing.assert_allclose(log_density, eqx.filter_jit(family.log_prob)(state, z), rtol=1e-8)


@each_family
def test_is_a_tree_of_flat_arrays(name: str) -> None:
    family = FAMILIES[name]()
    state = state_of(family)
    leaves, treedef = jax.tree.flatten((family, state))
    family_again, state_again = jax.tree.unflatten(treedef, leaves)
    assert eqx.tree_equal(family_again, family)
    assert same_bytes(state_again, state)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(state))
    assert family == FAMILIES[name]()  # configuration only


@each_family
def test_draws_move_with_every_variational_parameter(name: str) -> None:
    family = FAMILIES[name]()
    state, noise = state_of(family), noise_for(family, 1)[0]

    def expected(state) -> jax.Array:
        log_weights, z = family.strata(state, noise)
        return jnp.exp(log_weights) @ jnp.sum(jnp.sin(3.0 * z), axis=1)

    gradient = jax.jit(jax.grad(expected))(state)
    if name == "Amortised":  # whose encoder moves local sites, not z
        gradient = gradient.family
    for leaf in jax.tree.leaves(gradient):
        assert np.isfinite(leaf).all()
        assert (np.abs(leaf) > 0).any()


@each_family
def test_the_same_noise_is_the_same_draw(name: str) -> None:
    family = FAMILIES[name]()
    state = state_of(family)
    draws = [eqx.filter_jit(family.sample)(state, noise_for(family, 1)[0]) for _ in range(2)]
    assert same_bytes(*draws)
