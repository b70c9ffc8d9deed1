"""Recurrent networks: against Equinox's cells, and padding that changes nothing."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield.networks import weights_of, with_weights

LENGTHS = (4, 1, 9, 2)


def drawn(network: eqx.Module) -> Any:
    """The network with normal weights."""
    leaves, treedef = jax.tree.flatten(weights_of(network))
    rng = np.random.default_rng(0)
    values = [jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype) for leaf in leaves]
    return with_weights(network, jax.tree.unflatten(treedef, values))


def sequences(lengths: Any = LENGTHS, features: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.normal(size=(length, features)) for length in lengths]


def equinox_cell(cell: Any) -> Any:
    """Equinox's cell of the same kind and weights."""
    inputs, units = (it.weight.shape[1] for it in (cell.input, cell.state))
    gru = type(cell).__name__ == "GRU"
    bias = cell.input.bias if gru else cell.input.bias + jnp.repeat(jnp.eye(4)[1], units)
    other = (eqx.nn.GRUCell if gru else eqx.nn.LSTMCell)(inputs, units, key=jax.random.key(0))
    found = eqx.tree_at(
        lambda it: (it.weight_ih, it.weight_hh, it.bias),
        other,
        (cell.input.weight, cell.state.weight, bias),
    )
    return eqx.tree_at(lambda it: it.bias_n, found, jnp.zeros(units)) if gru else found


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_states_are_those_of_equinox_cells_step_by_step(cell: str, x64: None) -> None:
    network = drawn(mf.nets.Recurrent([3, 4, 5, 2], cell=cell))
    assert network.sizes == (3, 4, 5, 2)
    outputs = jax.vmap(network)(mf.nets.pad(sequences()))
    for sequence, output in zip(sequences(), outputs, strict=True):
        signal = list(sequence)
        for mine in network.encoder.cells:
            theirs, states = eqx.filter_jit(equinox_cell(mine)), []
            units = mine.state.weight.shape[1]
            state: Any = jnp.zeros(units) if cell == "gru" else (jnp.zeros(units),) * 2
            for x in signal:
                state = theirs(x, state)
                states.append(state if cell == "gru" else state[0])
            signal = states
        np.testing.assert_allclose(output, network.last(signal[-1]), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_padding_changes_not_a_bit(cell: str) -> None:
    network = drawn(mf.nets.Recurrent([3, 8, 2], cell=cell))
    call = jax.jit(jax.vmap(network))
    padded, further = mf.nets.pad(sequences()), mf.nets.pad(sequences(), length=23)
    garbage = np.where(padded[..., -1:] == 1.0, padded, 7.0)
    garbage[..., -1] = padded[..., -1]
    together = np.asarray(call(padded))
    np.testing.assert_array_equal(together, call(further))
    np.testing.assert_array_equal(together, call(garbage))
    row = eqx.filter_jit(network)
    for sequence, x in zip(sequences(), padded, strict=True):
        (alone,) = mf.nets.pad([sequence])
        assert len(alone) == len(sequence)
        np.testing.assert_array_equal(row(alone), row(x))


def test_padding_changes_no_gradient(x64: None) -> None:
    network = drawn(mf.nets.Recurrent([3, 4, 1], cell="gru"))

    def total(it: Any, rows: list[jax.Array]) -> jax.Array:
        return sum(it(x)[0] ** 2 for x in rows)

    alone, further = (jnp.asarray(mf.nets.pad(sequences([3]), n)) for n in (3, 5))
    one, other = (eqx.filter_grad(total)(network, list(rows)) for rows in (alone, further))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


@pytest.mark.slow
def test_a_fit_of_padded_sequences(tmp_path: Any) -> None:
    """Predictions do not know how far rows are padded, nor of other rows; they survive a file."""
    rows = sequences(np.random.default_rng(2).integers(1, 9, 40), features=1)
    y = np.array([row.sum() for row in rows])
    model = mf.BayesianNetwork(
        mf.nets.Recurrent([1, 4, 1]), mf.priors.Scaled(1.0), mf.likelihoods.Normal()
    )
    posterior = mf.fit(model, mf.nets.pad(rows), y, steps=20, batch_size=16, progress=False)
    mean = posterior.predict(mf.nets.pad(rows), draws=3).mean
    few = [row for row in rows if len(row) == 4]
    assert few
    np.testing.assert_array_equal(
        mean[[len(row) == 4 for row in rows]],
        posterior.predict(mf.nets.pad(few), draws=3).mean,
    )
    with pytest.raises(ValueError, match=r"encoder\.cells\.0\.input works inside"):
        posterior.representations(mf.nets.pad(rows), "encoder.cells.0.input", draws=3)
    state = posterior.representations(mf.nets.pad(rows), "encoder", draws=3)
    assert state.values.shape == (3, 40, 4)
    posterior.save(tmp_path / "it.mf")
    loaded = mf.load(tmp_path / "it.mf")
    np.testing.assert_array_equal(mean, loaded.predict(mf.nets.pad(rows), draws=3).mean)


def test_rows_must_come_with_their_mask() -> None:
    network, padded = mf.nets.Recurrent([3, 4, 1]), mf.nets.pad(sequences())
    model = mf.BayesianNetwork(network, mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal())
    y = np.zeros(len(padded))
    with pytest.raises(ValueError, match=r"3 features and the mask. Use X = mf\.nets\.pad"):
        mf.fit(model, padded[..., :-1], y)
    for row, wrong in enumerate(([2.0], [0.0, 1.0], [1.0, 0.0, 1.0], [0.5])):
        X = padded.copy()
        X[row, :, -1] = np.pad(np.asarray(wrong), (0, 9 - len(wrong)))
        with pytest.raises(ValueError, match=f"must be the mask.* that of row {row} is not"):
            mf.fit(model, X, y)
        with pytest.raises(ValueError, match="must be the mask"):
            model.prior_predictive(X)
    grouped = mf.HierarchicalNetwork(network, model.prior, model.likelihood, groups=2)
    with pytest.raises(ValueError, match="must be the mask"):
        mf.fit(grouped, np.ones_like(padded) * 2.0, y, groups=[0, 1, 0, 1])


def test_kronecker_factors_say_that_they_are_not_for_scans() -> None:
    model = mf.BayesianNetwork(
        mf.nets.Recurrent([3, 4, 1]), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal()
    )
    with pytest.raises(ValueError, match="hessian='full'"):
        mf.fit(model, mf.nets.pad(sequences()), np.zeros(4), method=mf.Laplace("kronecker"))


def test_what_cannot_be_padded() -> None:
    with pytest.raises(ValueError, match="no sequences"):
        mf.nets.pad([])
    with pytest.raises(ValueError, match=r"Sequence 1 must have the shape .* got \(0, 2\)"):
        mf.nets.pad([np.ones((3, 2)), np.ones((0, 2))])
    with pytest.raises(ValueError, match="Sequence 1 has 3 features, the first has 2"):
        mf.nets.pad([np.ones((3, 2)), np.ones((3, 3))])
    with pytest.raises(ValueError, match=r"Sequence 1 has a value that is not finite, .* step 2"):
        mf.nets.pad([[1.0], [0.0, 1.0, np.nan]])
    with pytest.raises(ValueError, match="Sequence 1 has 4 steps, more than length=3"):
        mf.nets.pad([[1.0], [1.0] * 4], length=3)
    with pytest.raises(TypeError, match="Sequence 0 must be numeric"):
        mf.nets.pad([["a", "b"]])
    with pytest.raises(ValueError, match=r"Sequence 0 is not an array \(time, features\)"):
        mf.nets.pad([[[1.0, 2.0], [3.0]]])


@pytest.mark.parametrize("sizes", [[2, 1], [2, 0, 1], []])
def test_sizes_of_recurrent_networks(sizes: list[int]) -> None:
    with pytest.raises(ValueError, match="sizes needs"):
        mf.nets.Recurrent(sizes)


def test_cells_by_name() -> None:
    with pytest.raises(ValueError, match=r"No cell 'rnn'\. There are gru, lstm"):
        mf.nets.Recurrent([2, 3, 1], cell="rnn")
