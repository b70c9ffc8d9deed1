"""Which Equinox modules are refused, and why."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
import pytest

import moonfield as mf

KEY = jax.random.key(0)


class Holder(eqx.Module):
    """A network with something inside."""

    parts: list
    linear: eqx.nn.Linear

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.linear(x)


def bind(network: Any) -> mf.BayesianNetwork:
    return mf.BayesianNetwork(network, dist.Normal(0.0, 1.0), mf.likelihoods.Normal())


def holder(part: Any) -> Holder:
    return Holder([{"deep": part}], eqx.nn.Linear(2, 1, key=KEY))


@pytest.mark.filterwarnings("ignore:.*experimental")
def test_batch_norm_is_refused_by_name() -> None:
    part = eqx.nn.BatchNorm(4, axis_name="batch", mode="batch")
    with pytest.raises(ValueError, match=r"BatchNorm.*LayerNorm"):
        bind(holder(part))


def test_spectral_norm_is_refused_by_name() -> None:
    part = eqx.nn.SpectralNorm(eqx.nn.Linear(2, 2, key=KEY), "weight", key=KEY)
    with pytest.raises(ValueError, match="SpectralNorm"):
        bind(holder(part))


def test_dropout_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"Dropout.*randomness"):
        bind(holder(eqx.nn.Dropout(0.5)))


def test_dropout_of_nothing_is_welcome() -> None:
    """Equinox's attention always holds one."""
    attention = eqx.nn.MultiheadAttention(2, 4, key=KEY)
    assert bind(holder(attention)).size > 4
    bind(holder(eqx.nn.Dropout(0.5, inference=True)))


def test_layer_norm_is_welcome() -> None:
    assert bind(holder(eqx.nn.LayerNorm(3))).size == 3 + 6


@pytest.mark.parametrize("network", [lambda x: x, 3, None, dist.Normal()])
def test_no_equinox_module(network: Any, wrong_types: None) -> None:
    with pytest.raises(TypeError, match=f"callable equinox.Module.*{type(network).__name__}"):
        bind(network)


def test_a_module_that_cannot_be_called() -> None:
    class Inert(eqx.Module):
        weight: jax.Array

    with pytest.raises(TypeError, match="Inert"):
        bind(Inert(jnp.ones(3)))


def test_a_network_without_anything_to_learn() -> None:
    class Fixed(eqx.Module):
        order: jax.Array

        def __call__(self, x: jax.Array) -> jax.Array:
            return x[self.order]

    with pytest.raises(ValueError, match="no floating-point array"):
        bind(Fixed(jnp.arange(3)))
