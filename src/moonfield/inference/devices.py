"""The devices of a fit: which ones, how its arrays are cut for them, and whose rows lie where."""

from collections.abc import Sequence
from typing import Any, NamedTuple, SupportsIndex

import jax
import numpy as np
from jax.sharding import Mesh

from ..data import Dataset, full_batch, rows_last
from .method import AbstractStepping
from .placement import Placement, axis_for
from .supply import Shape, Shards, Source

Device = Any  # jax.Device, which is no type to type checkers


class Devices(NamedTuple):
    """Where a fit runs, and how many rows each process has."""

    placement: Placement
    counts: tuple[int, ...]  # rows, by process

    @property
    def rows(self) -> int:
        """Rows of all processes."""
        return sum(self.counts)

    def shape(self, shape: Shape, rows: int, row_noise: int) -> Shape:
        """The sizes of a block whose steps see so many rows."""
        spare = -rows % self.placement.parts
        return shape._replace(
            small=False, placement=self.placement, spare=spare, spare_noise=spare * row_noise
        )

    def source(self, source: Source, data: Dataset, by_batches: bool) -> Source:
        """The same source, with this process' rows and all else on the devices."""
        where, most = self.placement, max(self.counts)
        batch = full_batch(data, where.parts // len(self.counts) or 1, most)
        shards = _shards(self.counts, len(batch.weights)) if len(self.counts) > 1 else None
        return source._replace(
            noise_keys=where.everywhere(source.noise_keys),
            data=where.rows(batch, 0) if by_batches else where.rows(rows_last(batch), -1),
            shards=shards,
        )


def _shards(counts: tuple[int, ...], places: int) -> Shards:
    starts = np.cumsum([0, *counts[:-1]])
    return Shards(starts.astype(np.int32), np.arange(len(counts), dtype=np.int32) * places)


def devices_for(
    chosen: list[Device],
    counts: tuple[int, ...],
    method: AbstractStepping,
    exchangeable: bool,
    restarts: int,
) -> Devices | None:
    """Where to run, for processes with so many rows; None for what JAX takes by itself.

    Raises:
        ValueError: rows must be split and cannot be.
    """
    if list(jax.device_put(np.zeros(())).devices()) == chosen:
        return None
    axis = axis_for(len(chosen), restarts, method.parts, len(counts))
    if axis == "rows" and not exchangeable and len(chosen) > 1:
        raise ValueError(
            "devices splits rows, and this model's rows are not exchangeable: use one device, or "
            "restarts that the number of devices divides."
        )
    return Devices(Placement(Mesh(np.array(chosen), (axis,)), axis), counts)


def as_devices(devices: Any) -> list[Device]:
    """What `mf.fit(..., devices=...)` means: devices, those of one process after another.

    An integer means the first so many of each process; `"all"` all devices of all processes.

    Raises:
        TypeError: none of these.
        ValueError: more than there are, none, one twice, or not as many of each process that takes
            part: this one alone, or all.
    """
    if isinstance(devices, str):
        if devices != "all":
            raise ValueError(f"devices must be a number, 'all' or devices of JAX, got {devices!r}.")
        return _by_process(jax.devices())
    if isinstance(devices, Sequence) and all(isinstance(each, jax.Device) for each in devices):
        return _by_process(list(devices))
    if isinstance(devices, bool) or not isinstance(devices, SupportsIndex):
        raise TypeError(f"devices must be a number, 'all' or devices of JAX, got {devices!r}.")
    return _by_process(_first(int(devices)))


def _first(count: int) -> list[Device]:
    """The first so many devices of each process."""
    there, what = jax.local_device_count(), jax.default_backend()
    if not 1 <= count <= there:
        hint = " For more, set XLA_FLAGS=--xla_force_host_platform_device_count=N before the start."
        raise ValueError(
            f"devices must lie between 1 and {there} ({what}), got {count}."
            f"{hint if what == 'cpu' else ''}"
        )
    found: dict[int, list[Device]] = {}
    for device in jax.devices():
        found.setdefault(device.process_index, []).append(device)
    return [device for process in found.values() for device in process[:count]]


def _by_process(devices: list[Device]) -> list[Device]:
    """These devices, those of one process after another."""
    if not devices:
        raise ValueError("devices is empty: give at least one.")
    if len({device.id for device in devices}) < len(devices):
        raise ValueError("devices holds the same device twice.")
    owners = [device.process_index for device in devices]
    counts = {owner: owners.count(owner) for owner in owners}
    alone = set(counts) == {jax.process_index()}
    if not alone and (len(counts) < jax.process_count() or len(set(counts.values())) > 1):
        raise ValueError(
            f"devices must be of this process alone, or as many of each of {jax.process_count()} "
            f"processes; got {counts} by process."
        )
    return sorted(devices, key=lambda device: device.process_index)
