"""A fresh order of all rows for every epoch, without sorting and without storing it.

Position -> row is a keyed bijection on {0, ..., rows - 1}: a Feistel network on a grid of about
sqrt(rows) x sqrt(rows), with cycle walking for the few points outside (Black & Rogaway,
2002, "Ciphers with arbitrary finite domains"; for shuffling: Mitchell et al., 2022, "Bandwidth-
optimal random shuffling for GPUs"). Each position costs the same for any number of rows, and any
step of any epoch can be reached directly.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, UInt32

ROUNDS = 6


class Domain(NamedTuple):
    """A grid of `left` x `2**bits` points, about square, that covers `rows` with few left over."""

    rows: Int[Array | np.ndarray, ""]
    left: UInt32[Array | np.ndarray, ""]
    bits: UInt32[Array | np.ndarray, ""]


def domain(rows: int) -> Domain:
    """The grid for a number of rows below 2**31."""
    half = (rows - 1).bit_length() // 2  # at least 8 x 8 points: smaller grids mix badly
    bits = min((max(3, half - 1), max(3, half)), key=lambda bits: -(-rows >> bits) << bits)
    left = max(8, -(-rows >> bits))
    numbers = (np.asarray(rows, np.int32), *(np.asarray(n, np.uint32) for n in (left, bits)))
    return Domain(*numbers)


def permuted(keys: UInt32[Array, "rounds ..."], position: Int[Array, " ..."], d: Domain) -> Array:
    """The row at each position of the order that `keys` (one word a round) stand for."""
    rows = jnp.asarray(d.rows, jnp.uint32)

    def any_left(state: tuple[Array, Array]) -> Array:
        return jnp.any(~state[1])

    def walk(state: tuple[Array, Array]) -> tuple[Array, Array]:
        point, done = state
        point = jnp.where(done, point, _feistel(keys, point, d))
        return point, point < rows

    start = position.astype(jnp.uint32), jnp.zeros(position.shape, bool)
    return jax.lax.while_loop(any_left, walk, start)[0].astype(jnp.int32)


def round_keys(
    words: UInt32[Array | np.ndarray, " rounds"], epochs: Int[Array, " n"]
) -> UInt32[Array, "rounds n"]:
    """The words of each epoch's order, from random ones: two rounds of a hash of epoch and word."""
    hashed = _mix(words[:, None] ^ (epochs.astype(jnp.uint32) * jnp.uint32(0x9E3779B9))[None])
    return _mix(hashed + words[::-1, None])


def _feistel(keys: Array, point: Array, d: Domain) -> Array:
    mask = (jnp.uint32(1) << d.bits) - jnp.uint32(1)
    left, right = point >> d.bits, point & mask
    for i in range(0, ROUNDS, 2):
        total = left + ((_scatter(right ^ keys[i]) * d.left) >> 16)
        left = jnp.where(total >= d.left, total - d.left, total)
        right = right ^ (_scatter(left ^ keys[i + 1]) & mask)
    return (left << d.bits) | right


def _scatter(word: Array) -> Array:
    """16 well-mixed bits of a word: the high half of a multiply-shift-multiply hash."""
    word = word * jnp.uint32(0x7FEB352D)
    return ((word ^ (word >> 15)) * jnp.uint32(0x846CA68B)) >> 16


def _mix(word: Array) -> Array:
    """A bijective 32-bit finaliser (multiplication and shifts), after Wellons' lowbias32."""
    word = (word ^ (word >> 16)) * jnp.uint32(0x7FEB352D)
    word = (word ^ (word >> 15)) * jnp.uint32(0x846CA68B)
    return word ^ (word >> 16)
