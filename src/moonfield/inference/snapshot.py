"""What decides how a fit goes on, as plain values and arrays."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from .._core.results import Result
from ..data import Weighted

_ENDED = (Result.converged, Result.steps_exhausted, Result.not_converged)  # not to be gone on from


class Snapshot(NamedTuple):
    """JSON values, and arrays by name."""

    facts: dict[str, Any]
    arrays: dict[str, Any]


class Mark(NamedTuple):
    """Where a fit stands between two chunks; its arrays may still be on their way."""

    step: int
    result: Result | None
    carry: PyTree
    sampled: int  # the step at which the chances of rows were asked for last
    deal: Any  # how rows are dealt into batches


def snapshot_of(mark: Mark, controller: Snapshot, elbo: np.ndarray) -> Snapshot:
    """All that decides how the fit goes on from a mark; waits for it."""
    facts = {
        "step": mark.step,
        "result": None if mark.result is None else mark.result.name,
        "sampled": mark.sampled,
        "controller": controller.facts,
    }
    trees = {"carry": mark.carry, "elbo": elbo, "deal": _dealt(mark.deal)}
    arrays = {f"controller.{key}": np.asarray(value) for key, value in controller.arrays.items()}
    for name, tree in trees.items():
        arrays |= _to_arrays(tree, name)
    return Snapshot(facts, arrays)


def restored(snapshot: Snapshot, fresh: Mark, restarts: int, dtype: Any) -> tuple[Mark, np.ndarray]:
    """The mark of a snapshot and the ELBOs before it, from where the same fit begins.

    Raises:
        ValueError, KeyError: the snapshot is none of such a fit.
    """
    facts, arrays = snapshot
    step, sampled = (checked_count(facts[key], f"its {key}") for key in ("step", "sampled"))
    carry = _from_arrays(arrays, "carry", fresh.carry)
    history = jax.ShapeDtypeStruct((restarts, step), dtype)
    elbo = np.asarray(_from_arrays(arrays, "elbo", history))
    deal = _dealt(fresh.deal)
    if deal:
        fresh = fresh._replace(deal=fresh.deal._replace(**_from_arrays(arrays, "deal", deal)))
    mark = fresh._replace(
        step=step, result=_checked_result(facts["result"]), carry=carry, sampled=sampled
    )
    if not is_finite(mark, elbo):
        raise ValueError("its numbers are not finite")
    return mark, elbo


def controller_of(snapshot: Snapshot) -> Snapshot:
    """What the controller of a snapshot's fit remembered."""
    front = "controller."
    found = {key: array for key, array in snapshot.arrays.items() if key.startswith(front)}
    arrays = {key.removeprefix(front): array for key, array in found.items()}
    return Snapshot(snapshot.facts["controller"], arrays)


def is_finite(mark: Mark, elbo: np.ndarray) -> bool:
    """Whether some restart was finite all the way to a mark; waits for it."""
    vectors = np.atleast_2d(np.asarray(mark.carry.state.vector))
    return bool((np.isfinite(elbo).all(axis=1) & np.isfinite(vectors).all(axis=1)).any())


def checked_count(value: Any, what: str) -> int:
    """A number of steps in a snapshot; `ValueError` for anything else."""
    if type(value) is not int or not 0 <= value < 2**62:
        raise ValueError(f"{what} is {value!r}")
    return value


def checked_number(value: Any, what: str) -> float:
    """A number in a snapshot; `ValueError` for anything else."""
    if type(value) is not float:
        raise ValueError(f"{what} is {value!r}")
    return value


def _checked_result(name: Any) -> Result | None:
    """How the fit of a snapshot had ended; None if it had not."""
    results = {None: None, **{result.name: result for result in _ENDED}}
    if not isinstance(name, str | None) or name not in results:
        raise ValueError(f"its result is {name!r}")
    return results[name]


def _dealt(deal: Any) -> dict[str, Any]:
    """What the deal of rows by chances depends on beside the seed."""
    return {"edges": deal.edges, "factors": deal.factors} if isinstance(deal, Weighted) else {}


def _to_arrays(tree: PyTree, name: str) -> dict[str, np.ndarray]:
    """The leaves of a tree, numbered."""
    return {f"{name}.{i}": _plain(leaf) for i, leaf in enumerate(jax.tree.leaves(tree))}


def _from_arrays(arrays: Mapping[str, np.ndarray], name: str, like: PyTree) -> PyTree:
    """The tree again, on the devices of one like it."""
    leaves, treedef = jax.tree.flatten(like)
    wanted = [f"{name}.{i}" for i in range(len(leaves))]
    if {key for key in arrays if key.startswith(f"{name}.")} != set(wanted):
        raise ValueError(f"it does not hold the {len(leaves)} arrays of a {name}")
    return jax.tree.unflatten(
        treedef, [_placed(arrays[key], leaf) for key, leaf in zip(wanted, leaves, strict=True)]
    )


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _plain(leaf: Any) -> np.ndarray:
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)


def _placed(array: np.ndarray, like: Any) -> Any:
    """An array on the device of another, whose shape and type it must have."""
    data = jax.eval_shape(jax.random.key_data, like) if _is_key(like) else like
    if array.shape != data.shape or array.dtype != data.dtype:
        kinds = (f"{each.dtype}{list(each.shape)}" for each in (array, data))
        raise ValueError("an array is {} in place of {}".format(*kinds))
    if _is_key(like):
        return jax.random.wrap_key_data(jnp.asarray(array), impl=jax.random.key_impl(like))
    if isinstance(like, jax.Array) and not like.is_fully_addressable:  # of several processes
        return jax.make_array_from_process_local_data(like.sharding, array)
    committed = isinstance(like, jax.Array) and like.committed
    return jax.device_put(array, like.sharding if committed else None)
