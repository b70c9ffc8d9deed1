"""Where the arrays of a fit lie when there are several devices.

Rows are split over the devices and the variational parameters are on all of them: XLA's partitioner
then adds a sum over devices to every step. Restarts, and the members of an ensemble, need no such
sum: where they can be dealt out evenly, they are, and every device sees all rows.
"""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
from jaxtyping import Array, PyTree

from ..data import Batch, take

Axis = Literal["rows", "restarts", "members"]


class Placement(NamedTuple):
    """Devices in a row, and what is split over them."""

    mesh: Mesh  # one axis, of that name
    axis: Axis

    @property
    def parts(self) -> int:
        """Into how many equal parts rows are split."""
        return self.mesh.size if self.axis == "rows" else 1

    def rows(self, tree: PyTree, at: int) -> PyTree:
        """Put this process' rows, along axis `at` of each array, on its devices."""
        return jax.tree.map(lambda leaf: self._put(leaf, self._by_row(leaf, at)), tree)

    def everywhere(self, tree: PyTree) -> PyTree:
        """Put arrays, the same in all processes, on every device."""
        return jax.tree.map(lambda leaf: self._put(leaf, P()), tree)

    def carry(self, carry: PyTree) -> PyTree:
        """Put the loop's state where the loop leaves it."""
        return jax.tree.map(lambda leaf: self._put(leaf, self._of_carry(leaf)), carry)

    def pin_noise(self, noise: Any) -> Any:
        """Within compiled code: noise (restarts, steps, draws, numbers), drawn where it is used."""
        specs = {"rows": P(), "restarts": P("restarts"), "members": P(None, None, "members")}
        return self._pin(noise, specs[self.axis])

    def take(self, data: Batch, rows: Array, factors: Array) -> Batch:
        """Within compiled code: the batches (steps, places, ...) of rows (steps, places).

        Each device looks up those rows that it holds; a sum with the zeros of the others brings
        every place to the device that it is for.
        """

        def local(data: Batch, rows: Array, factors: Array) -> Batch:
            if self.axis != "rows":
                return jax.vmap(take, (None, 0, 0))(data, rows, factors)
            held = len(data.weights)
            here = rows - held * jax.lax.axis_index("rows")
            mine = (here >= 0) & (here < held)
            found = jax.vmap(take, (None, 0, 0))(data, jnp.where(mine, here, 0), factors)
            return jax.tree.map(lambda leaf: _dealt(leaf, mine), found)

        place = P(None, "rows") if self.axis == "rows" else P()
        source = jax.tree.map(lambda leaf: self._by_row(leaf, 0), data)
        split = jax.shard_map(
            local, mesh=self.mesh, in_specs=(source, P(), P()), out_specs=place, check_vma=False
        )
        return split(data, rows, factors)

    def pin_carry(self, carry: PyTree) -> PyTree:
        """Within compiled code: the loop's state."""
        return jax.tree.map(lambda leaf: self._pin(leaf, self._of_carry(leaf)), carry)

    def pin_elbos(self, elbos: Any) -> Any:
        """Within compiled code: ELBOs (steps,) or (restarts, steps)."""
        return self._pin(elbos, P("restarts") if self.axis == "restarts" else P())

    def _by_row(self, leaf: Any, at: int) -> P:
        if self.axis != "rows" or leaf.ndim == 0:
            return P()
        return P(*[None] * (at % leaf.ndim), "rows")

    def _of_carry(self, leaf: Any) -> P:
        """Restarts come first in every array; members in every one that is not one number."""
        return P() if self.axis == "rows" or leaf.ndim == 0 else P(self.axis)

    def _put(self, leaf: Any, spec: P) -> jax.Array:
        """From what this process holds of an array: all of it, unless it is split by rows."""
        sharding = NamedSharding(self.mesh, spec)
        if isinstance(leaf, jax.Array) and sharding.is_equivalent_to(leaf.sharding, leaf.ndim):
            return leaf
        if len({device.process_index for device in self.mesh.devices.flat}) == 1:
            return jax.device_put(leaf, sharding)
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            data = self._put(jax.random.key_data(leaf), spec)
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
        return jax.make_array_from_process_local_data(sharding, np.asarray(leaf))

    def _pin(self, leaf: Any, spec: P) -> Any:
        return jax.lax.with_sharding_constraint(leaf, NamedSharding(self.mesh, spec))


def _dealt(leaf: Array, mine: Array) -> Array:
    """Rows (steps, places, ...) that are `mine`, exchanged for those of this device's places."""
    if leaf.dtype == bool:
        return _dealt(leaf.astype(jnp.uint8), mine).astype(bool)
    mask = mine.reshape(mine.shape + (1,) * (leaf.ndim - mine.ndim))
    known = jnp.where(mask, leaf, jnp.zeros((), leaf.dtype))
    return jax.lax.psum_scatter(known, "rows", scatter_dimension=1, tiled=True)


def axis_for(devices: int, restarts: int, members: int, processes: int) -> Axis:
    """What to split over the devices: what needs no sums over them, if it can be dealt out evenly.

    Each process reads rows of its own, so that several processes split rows.
    """
    if processes == 1 and restarts > 1:
        return "restarts" if restarts % devices == 0 else "rows"
    if processes == 1 and members > 1 and members % devices == 0:
        return "members"
    return "rows"
