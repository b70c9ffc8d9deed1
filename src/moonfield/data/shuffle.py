"""A fresh order of all rows for every epoch, without sorting and without storing it.

Position -> row is a keyed bijection on {0, ..., rows - 1}: a Feistel network on a rectangle of
about sqrt(rows) x sqrt(rows), with cycle walking for the few points outside (Black & Rogaway,
2002, "Ciphers with arbitrary finite domains"; for shuffling: Mitchell et al., 2022, "Bandwidth-
optimal random shuffling for GPUs"). Each position costs the same for any number of rows, and any
step of any epoch can be reached directly.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, UInt32

_ROUNDS = 8


class Domain(NamedTuple):
    """The rectangle `left` x `right` that covers `rows` points with fewest left over."""

    rows: Int[Array, ""]
    left: UInt32[Array, ""]
    right: UInt32[Array, ""]


def domain(rows: int) -> Domain:
    """The rectangle for a number of rows below 2**31."""
    left = max(1, math.isqrt(max(rows - 1, 0)) + 1)
    right = -(-rows // left)
    return Domain(jnp.int32(rows), jnp.uint32(left), jnp.uint32(right))


def permuted(keys: UInt32[Array, "rounds ..."], position: Int[Array, " ..."], d: Domain) -> Array:
    """The row at each position of the order that `keys` (one word a round) stand for."""
    start = _feistel(keys, position.astype(jnp.uint32), d)
    rows = d.rows.astype(jnp.uint32)

    def outside(point: Array) -> Array:
        return jnp.any(point >= rows)

    def walk(point: Array) -> Array:
        return jnp.where(point >= rows, _feistel(keys, point, d), point)

    return jax.lax.while_loop(outside, walk, start).astype(jnp.int32)


def round_keys(key: Array, epochs: Int[Array, " n"]) -> UInt32[Array, "rounds n"]:
    """The words of each epoch's order."""
    words = jax.vmap(lambda epoch: jax.random.bits(jax.random.fold_in(key, epoch), (_ROUNDS,)))
    return words(epochs).T


def _feistel(keys: Array, point: Array, d: Domain) -> Array:
    left, right = point // d.right, point % d.right
    for i in range(0, _ROUNDS, 2):
        left = _add(left, _mix(right ^ keys[i]), d.left)
        right = _add(right, _mix(left ^ keys[i + 1]), d.right)
    return left * d.right + right


def _add(value: Array, word: Array, modulus: Array) -> Array:
    """`value` plus a pseudo-random number below `modulus`, modulo `modulus` (all below 2**16)."""
    total = value + (((word >> 16) * modulus) >> 16)
    return jnp.where(total >= modulus, total - modulus, total)


def _mix(word: Array) -> Array:
    """A bijective 32-bit finaliser (multiplication and shifts), after Wellons' lowbias32."""
    word = (word ^ (word >> 16)) * jnp.uint32(0x7FEB352D)
    word = (word ^ (word >> 15)) * jnp.uint32(0x846CA68B)
    return word ^ (word >> 16)
