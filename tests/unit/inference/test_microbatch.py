"""Gradients summed over slices of a batch."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield.model import space
from tests.helpers import all_rows, regression_rows

X, y = regression_rows(37, 3)  # padded to 48, which 7 does not divide
OBJECTIVES = {
    "Reparameterised": mf.objectives.Reparameterised(),
    "ImportanceWeighted": mf.objectives.ImportanceWeighted(3),
    "LocalReparameterisation": mf.objectives.LocalReparameterisation(),
    "Flipout": mf.objectives.Flipout(),
}


def gradient(method: mf.ADVI, model: mf.BayesianNetwork) -> np.ndarray:
    where, batch = space(model), all_rows(model, X, y)
    vector = jnp.concatenate(method.family.init(jnp.linspace(-1.0, 1.0, where.size), 0.3))
    noise = jax.random.normal(jax.random.key(0), method.noise_shape(where.size), vector.dtype)
    given = model, where, vector, noise, batch, 1.7, jnp.zeros((), jnp.int32)
    return np.asarray(jax.jit(lambda: method.gradient(*given))())


def model() -> mf.BayesianNetwork:
    return mf.BayesianNetwork(
        mf.nets.MLP([3, 6, 1]), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal()
    )


@pytest.mark.parametrize("name", list(OBJECTIVES))
@pytest.mark.parametrize(("double", "rtol"), [(False, 1e-5), (True, 1e-9)])
def test_the_gradient_of_the_whole_batch(name: str, double: bool, rtol: float) -> None:
    with jax.enable_x64(double):
        whole, sliced = (
            gradient(mf.ADVI(objective=OBJECTIVES[name], microbatch=rows), model())
            for rows in (None, 7)
        )
    assert not np.array_equal(whole, sliced)  # the order of sums is another
    np.testing.assert_allclose(sliced, whole, rtol=rtol, atol=rtol * np.abs(whole).max())


@pytest.mark.parametrize("kind", [mf.ADVI, mf.IVON])
def test_a_fit_in_slices(kind: Any) -> None:
    one, other = (
        mf.fit(model(), X, y, method=kind(microbatch=rows), steps=20, batch_size=20)
        for rows in (None, 8)
    )
    np.testing.assert_allclose(one.elbo, other.elbo, rtol=1e-4)


def test_memory_is_that_of_a_slice() -> None:
    """Of the compiled gradient: activations of 2,048 rows, or of 128."""
    network = mf.nets.MLP([3, 64, 64, 64, 64, 1])
    wide = mf.BayesianNetwork(network, mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal(sd=0.5))
    where, batch = space(wide), all_rows(wide, *regression_rows(2_048, 3))

    def bytes_of(microbatch: int | None) -> int:
        method = mf.ADVI(microbatch=microbatch)

        def gradient(vector: jax.Array, noise: jax.Array) -> Any:
            step = jnp.zeros((), jnp.int32)
            return method.gradient(wide, where, vector, noise, batch, 1.0, step)

        given = jnp.zeros(2 * where.size), jnp.zeros((1, where.size))
        memory = jax.jit(gradient).lower(*given).compile().memory_analysis()
        assert memory is not None
        return memory.temp_size_in_bytes

    assert bytes_of(128) < 0.4 * bytes_of(None)


@pytest.mark.parametrize("kind", [mf.ADVI, mf.IVON])
def test_needs_rows(kind: Any) -> None:
    with pytest.raises(
        ValueError, match=re.escape("microbatch must be a whole number of 1 or more, got 0")
    ):
        kind(microbatch=0)
