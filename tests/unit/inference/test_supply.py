"""What a block of steps holds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from moonfield.inference import supply
from moonfield.inference.supply import Shape, block_shape, noise_of


def shape(work: int, noise: tuple[int, int] = (1, 100)) -> Shape:
    return block_shape(noise, row_bytes=0, places=0, restarts=1, itemsize=4, work=work)


def steps(work: int, noise: tuple[int, int] = (1, 100)) -> int:
    return shape(work, noise).steps


def test_blocks_are_short_where_a_step_is_much_work() -> None:
    """Callbacks and the keyboard wait for whole blocks: of 2**35 multiplications at most."""
    assert steps(10**6) == 250
    assert steps(2**35 // 100) == 100
    assert steps(2**40) == 1


def test_steps_with_much_noise_draw_it_themselves() -> None:
    """No block is shorter for it, and nothing of it is kept."""
    assert not shape(1, (1, 2**18)).late
    assert steps(1, (1, 2**18)) == 64  # of a megabyte each
    assert shape(1, (1, 2**18 + 1)).late
    assert steps(1, (1, 2**18 + 1)) == 250


@pytest.mark.parametrize("spare", [0, 3])
def test_noise_drawn_late_is_standard_normal_and_its_steps_own(spare: int) -> None:
    size = 70_000  # more than a piece
    late = Shape(5, (2, size), 0, 1, small=False, late=True, spare_noise=spare)
    keys = jax.random.split(jax.random.key(0), 1)
    first, other = (supply._noise(late, keys, np.int32(b), jnp.float32)[0] for b in (0, 1))
    drawn = np.stack(
        [noise_of(late, block, i, jnp.float32) for block in (first, other) for i in jnp.arange(5)]
    )
    assert drawn.shape == (10, 2, size + spare)
    assert not drawn[..., size:].any()
    every = drawn[..., :size].reshape(20, size)
    assert abs(every.mean()) < 4.0 / every.size**0.5
    assert abs(every.var() - 1.0) < 4.0 * (2.0 / every.size) ** 0.5
    correlations = np.corrcoef(every)[np.triu_indices(20, 1)] * size**0.5
    assert np.abs(correlations).max() < 4.5
    assert abs(every[:, 0] @ every[:, 65_536]) < 4.0 * 20**0.5  # pieces are not alike
    np.testing.assert_array_equal(noise_of(late, first, jnp.asarray(2), jnp.float32), drawn[2])
