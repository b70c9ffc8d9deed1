"""Flax NNX modules as networks: the module's own outputs, its paths, and what cannot be one."""

import sys
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield._core.trees import named_leaves, split
from moonfield.networks import weights_of, with_weights
from tests.helpers import regression_rows

nnx = pytest.importorskip("flax.nnx", reason="Flax is not installed")
network = mf.interop.flax.network
RNG = np.random.default_rng(0)


class Dense(nnx.Module):
    """A perceptron with a list of layers."""

    def __init__(self, rngs: Any) -> None:
        sizes = (3, 6), (6, 2)
        self.layers = nnx.List([nnx.Linear(*size, rngs=rngs) for size in sizes])
        self.norm = nnx.LayerNorm(6, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.layers[1](self.norm(jnp.tanh(self.layers[0](x))))


class Images(nnx.Module):
    """Convolutions and a reshape that wants rows first; a BatchNorm and a Dropout at rest."""

    def __init__(self, rngs: Any) -> None:
        self.first = nnx.Conv(1, 4, (3, 3), rngs=rngs)
        self.up = nnx.ConvTranspose(4, 5, (2, 2), rngs=rngs)
        self.norm = nnx.BatchNorm(5, rngs=rngs)
        self.drop = nnx.Dropout(0.5, rngs=rngs)
        self.out = nnx.Linear(5 * 16, 2, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        x = self.norm(self.up(nnx.relu(self.first(x))))
        return self.out(self.drop(x.reshape(x.shape[0], -1)))


class Sequences(nnx.Module):
    """A recurrent layer, then attention over its states."""

    def __init__(self, rngs: Any) -> None:
        self.rnn = nnx.RNN(nnx.GRUCell(3, 4, rngs=rngs))
        self.attention = nnx.MultiHeadAttention(2, 4, decode=False, rngs=rngs)
        self.out = nnx.Linear(4, 2, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.out(self.attention(self.rnn(x))[:, -1])


class Shift(nnx.Module):
    """Adds something of its own that depends on how often, or by what, it was called."""

    def __init__(self, how: str) -> None:
        self.weight = nnx.Param(jnp.ones((1, 2)))
        self.rngs, self.calls = nnx.Rngs(0), nnx.BatchStat(jnp.zeros(()))
        self.how = how

    def __call__(self, x: Any) -> Any:
        if self.how == "count":
            self.calls[...] += 1.0
        noise = self.rngs.noise.normal((1, 2)) if self.how == "draw" else 0.0
        return self.weight[...] * x + self.calls[...] + noise


KINDS = {
    "dense": (Dense, (3,)),
    "images": (Images, (4, 4, 1)),
    "sequences": (Sequences, (5, 3)),
}


def made(name: str, seed: int = 0) -> Any:
    module = KINDS[name][0](nnx.Rngs(seed))
    module.eval()
    return module


def drawn(it: Any, seed: int = 0) -> Any:
    """The network with other weights."""
    leaves, treedef = jax.tree.flatten(weights_of(it))
    rng = np.random.default_rng(seed)
    values = [jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype) for leaf in leaves]
    return with_weights(it, jax.tree.unflatten(treedef, values))


@pytest.mark.parametrize(
    "name", ["dense", "images", pytest.param("sequences", marks=pytest.mark.slow)]
)
def test_outputs_are_the_modules_own(name: str) -> None:
    module = made(name)
    X = jnp.asarray(RNG.normal(size=(4, *KINDS[name][1])), jnp.float32)
    it = network(module)
    np.testing.assert_allclose(
        jax.jit(jax.vmap(it))(X), nnx.jit(lambda own, X: own(X))(module, X), 1e-5, 1e-6
    )
    other = drawn(it)
    again = named_leaves(weights_of(network(other.to_flax())))  # there and back, to the bit
    for path, leaf in named_leaves(weights_of(other)).items():
        np.testing.assert_array_equal(leaf, again[path])


def test_kernels_are_held_with_outputs_first() -> None:
    """So that a prior's numbers of inputs are right; biases of attention are vectors."""
    module = made("images")
    weights = named_leaves(weights_of(network(module)))
    shapes = {path: leaf.shape for path, leaf in weights.items()}
    assert shapes["first.kernel"] == (4, 1, 3, 3)
    assert shapes["up.kernel"] == (5, 4, 2, 2)
    assert shapes["out.kernel"] == (2, 80)
    assert "norm.mean" not in shapes
    assert list(shapes)[-1] == "out.kernel"  # in the module's order, which says what comes last
    kernel = module.first.kernel[...]
    np.testing.assert_array_equal(weights["first.kernel"][3, 0], kernel[:, :, 0, 3])
    attention = {p: leaf.shape for p, leaf in named_leaves(network(made("sequences"))).items()}
    assert attention["attention.query.kernel"] == (4, 4)
    assert attention["attention.query.bias"] == (4,)
    assert attention["rnn.cell.dense_i.kernel"] == (12, 3)


def test_the_structure_is_that_of_the_module() -> None:
    """Equal modules compile once; other constants are another network."""
    one, two = (split(network(made("dense", seed)))[0] for seed in (0, 1))
    assert one == two
    assert hash(one) == hash(two)
    rest = [made("images"), made("images")]
    rest[1].norm.mean[...] = jnp.ones(5)
    first, second = (split(network(module))[0] for module in rest)
    assert first != second


@pytest.mark.slow
def test_a_fit(tmp_path: Any) -> None:
    X, y = regression_rows(60, 3)
    module = made("dense")
    near = mf.priors.Informed.from_weights(network(module), 0.3, layers="layers.*")
    model = mf.BayesianNetwork(
        network(module),
        {**near, "norm.*": mf.priors.Normal(1.0, 0.1)},
        mf.likelihoods.Normal(sd="head"),
    )
    assert "layers.1.kernel  (2, 6)" in str(model)
    before = nnx.to_pure_dict(nnx.state(module))
    posterior = mf.fit(model, X, y, steps=30, progress=False)
    jax.tree.map(np.testing.assert_array_equal, before, nnx.to_pure_dict(nnx.state(module)))
    mean = posterior.predict(X, draws=4).mean

    def own(params: Any, x: Any) -> Any:
        return params["network"].to_flax()(x[None])[0, 0]

    means = posterior.map(own, X, draws=4).mean(axis=0)
    np.testing.assert_allclose(means, mean, rtol=1e-5, atol=1e-6)
    posterior.save(tmp_path / "it.mf")
    with pytest.raises(ValueError, match="model="):
        mf.load(tmp_path / "it.mf")
    loaded = mf.load(tmp_path / "it.mf", model=model)
    np.testing.assert_array_equal(mean, loaded.predict(X, draws=4).mean)


def test_what_is_no_function_of_a_row() -> None:
    rngs = nnx.Rngs(0)
    with pytest.raises(ValueError, match=r"layers\.0 is a BatchNorm.*nnx\.LayerNorm.*eval\(\)"):
        network(nnx.Sequential(nnx.BatchNorm(2, rngs=rngs), nnx.Linear(2, 1, rngs=rngs)))
    with pytest.raises(ValueError, match=r"layers\.1 is a Dropout.*posterior.*eval\(\)"):
        network(nnx.Sequential(nnx.Linear(2, 1, rngs=rngs), nnx.Dropout(0.1, rngs=rngs)))
    x = jnp.ones(2)
    np.testing.assert_array_equal(network(Shift("nothing"))(x), x)
    for how, path in (("count", "calls"), ("draw", "rngs.default.count")):
        with pytest.raises(ValueError, match=rf"changes {path} .*\.eval\(\)"):
            network(Shift(how))(x)


def test_what_is_no_module_or_no_vector() -> None:
    for wrong in (jnp.tanh, nnx.Linear, eqx.nn.Identity(), nnx.List([])):
        with pytest.raises(TypeError, match=r"callable flax\.nnx\.Module"):
            network(wrong)
    with pytest.raises(ValueError, match=r"no nnx\.Param"):
        network(nnx.Dropout(0.0))
    x, rngs = jnp.ones((3, 2)), nnx.Rngs(0)
    flat = nnx.Sequential(lambda x: x.reshape(-1), nnx.Linear(6, 4, rngs=rngs))
    with pytest.raises(ValueError, match=r"\(1, outputs\), got \(4,\).*batched=False"):
        network(flat)(x)
    np.testing.assert_allclose(network(flat, batched=False)(x), flat(x), rtol=1e-6)
    pair = nnx.Sequential(nnx.Linear(2, 1, rngs=rngs), lambda x: (x, x))
    with pytest.raises(ValueError, match="one array, got tuple"):
        network(pair)(x[0])


def test_without_flax(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flax", None)
    monkeypatch.delitem(sys.modules, "flax.nnx", raising=False)
    with pytest.raises(ImportError, match=r'pip install "moonfield\[flax\]"'):
        network(None)
