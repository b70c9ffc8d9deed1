"""A digest tells apart what makes another fit, and nothing else."""

import functools
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import optax
import pytest

import moonfield as mf
from moonfield._core.digests import digest
from tests.helpers import moons_model

PROGRAM = """
import optax, moonfield as mf
from moonfield._core.digests import digest
from tests.unit.core.test_digests import things
print(*map(digest, things()))
"""


def regression(x, y=None, sd=1.0):
    slope = numpyro.sample("slope", dist.Normal(0.0, sd))
    with numpyro.plate("rows", x.shape[0]):
        numpyro.sample("y", dist.Normal(slope * x, 1.0), obs=y)


def other_regression(x, y=None, sd=1.0):
    slope = numpyro.sample("slope", dist.Normal(0.0, sd))
    with numpyro.plate("rows", x.shape[0]):
        numpyro.sample("y", dist.StudentT(3.0, slope * x, 1.0), obs=y)


def adder(a):
    return lambda x: x + a


def again(x):
    return again(x - 1) if x else x


def itself():
    def call(x):
        return call(x)

    return call


def schedule():
    return optax.adam(optax.exponential_decay(0.1, 100, 0.5))


def things() -> list:
    """Different things, made anew by every call."""
    network = mf.nets.MLP([2, 5, 5, 1], activation="relu", bias=False)
    bound = mf.Program(regression).bind({"x": np.zeros(3), "y": np.ones(3)})
    other = mf.Program(other_regression).bind({"x": np.zeros(3), "y": np.ones(3)})
    return [
        moons_model(),
        moons_model(2.0),
        mf.BayesianNetwork(network, mf.priors.Normal(0.0, 1.0), mf.likelihoods.Bernoulli()),
        bound,
        other,
        optax.adam(0.1),
        optax.adam(0.2),
        optax.adamw(0.1),
        schedule(),
        optax.chain(optax.clip(1.0), optax.adam(0.1)),
        optax.chain(optax.clip(2.0), optax.adam(0.1)),
        mf.ADVI(),
        mf.ADVI(draws=2),
        mf.IVON(),
        mf.IVON(beta1=0.8),
        adder(1.0),
        adder(2.0),
        functools.partial(again, 3),
        functools.partial(again, 4),
        itself(),
        jnp.tanh,
        jax.nn.relu,
        jax.jit(regression),
        {"a": 1, "b": 2},
        {"b", "a", "c"},
        (1, 2.0),
        [1, 2.0],
        "a",
        b"a",
        None,
        np.zeros(3),
        np.zeros(3, np.float32),
        np.zeros((3, 1)),
        np.array(["a", None], object),
        jax.random.key(0),
        jax.random.key(1),
        np.random,
        mf.Result.converged,
    ]


def test_same_things_same_digests_and_others_others():
    digests = [digest(thing) for thing in things()]
    assert digests == [digest(thing) for thing in things()]
    assert len(set(digests)) == len(digests)


@pytest.mark.slow
def test_another_process_finds_the_same():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True, text=True
    )
    again = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**environment, "PYTHONHASHSEED": "8"}, capture_output=True, check=True, text=True,
    )  # fmt: skip
    assert done.stdout == again.stdout
    assert len(set(done.stdout.split())) == len(things())


def test_large_arrays_are_looked_at_in_many_places():
    large = np.zeros((2**21, 10), np.float32)
    before = digest(large)
    large[2**20 : 2**20 + 20_000] = 1.0
    assert digest(large) != before
    assert digest(large[:, ::2]) != digest(large[:, 1::2] + 1.0)
