"""The host's side of a fit: dispatch blocks, look in now and then, end for a reason."""

import collections
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from .._core.keys import Stream, stream
from .._core.progress import Progress
from .._core.results import Result
from .._core.trees import split
from ..data import Dataset, epochs, full_batch, shuffle_words
from ..model import AbstractModel, space
from .advi import ADVI
from .block import Carry, Setting, Tail, block_shape, first_carry, run_block, with_empty_tail

_IN_FLIGHT = 3
_LOOK_IN_SECONDS = 0.2

Observer = Callable[[int], bool]  # steps done -> end the fit?


class Raw(NamedTuple):
    """What a fit leaves: variational parameters and its record, restarts first."""

    parameters: np.ndarray  # (restarts, parameters), flat
    elbo: np.ndarray  # (restarts, steps)
    result: Result
    steps: int
    nonfinite: tuple[int, int] | None  # step, index of the first bad coordinate
    compile_seconds: float
    run_seconds: float
    final_elbo: np.ndarray  # (restarts, evaluations) estimates at `parameters`


class Driver:
    """Runs blocks of one fit; owns the carry and the history."""

    carry: Carry

    def __init__(
        self,
        model: AbstractModel,
        method: ADVI,
        data: Dataset,
        batch_size: int | None,
        restarts: int,
        seed: int,
        first_step: int = 0,
    ):
        self.model_space = space(model)
        model_structure, model_arrays = split(model)
        method_structure, method_arrays = split(method)
        plan, places = (None, 0) if batch_size is None else epochs(data.rows, batch_size)
        batch = full_batch(data)
        row_bytes = sum(leaf[0].nbytes for leaf in jax.tree.leaves(batch))
        dtype = batch.weights.dtype
        noise = method.noise_shape(self.model_space.size)
        self.shape = block_shape(noise, row_bytes, places, restarts, dtype.itemsize)
        self._structures = (model_structure, method_structure)
        self._setting = Setting(
            model_arrays,
            method_arrays,
            jax.random.split(stream(seed, Stream.noise), restarts),
            shuffle_words(stream(seed, Stream.shuffle)),
            batch,
            jnp.asarray(data.rows, dtype),
            plan,
        )
        self._method, self._seed = method, seed
        self._restarts, self._dtype = restarts, dtype
        self._first_block = -(-first_step // self.shape.steps)
        self._history: list[Array] = []

    def start(self, parameters: PyTree | None, location: PyTree | None) -> None:
        """Set the first state: given variational parameters, a given location, or a fresh one."""
        if parameters is not None:
            state = self._method.resume(parameters)
            self.carry = with_empty_tail(state)
            return
        keys = jax.random.split(stream(self._seed, Stream.start), self._restarts)
        arrays = (self._setting.model, self._setting.method)
        self.carry = first_carry(self._structures, self._restarts, *arrays, keys, location)

    def dispatch(
        self, carry: Carry, block: int, stop: int, sizes: np.ndarray
    ) -> tuple[Carry, Array]:
        """Run a block without waiting for it."""
        padded = np.ones(self.shape.steps, self._dtype)
        padded[: len(sizes)] = sizes
        number = np.int32(self._first_block + block)
        return run_block(
            self._structures, self.shape, self._setting, carry, number, np.int32(stop), padded
        )

    def evaluate(self, vector: Array) -> Array:
        """ELBO estimates at fixed variational parameters: always the same noise and batches."""
        state = self.carry.state._replace(vector=vector)
        carry = self.carry._replace(state=state)
        zeros = np.zeros(self.shape.steps)
        return self.dispatch(carry, -1 - self._first_block, self.shape.steps, zeros)[1]

    def last(self) -> Array:
        """The latest variational parameters."""
        return self.carry.state.vector

    def tail_mean(self) -> Array:
        """The mean of the recorded variational parameters."""
        return self.carry.tail.mean

    def tail(self) -> Tail:
        """The record of variational parameters since it was last reset."""
        return self.carry.tail

    def reset_tail(self) -> None:
        """Start the record anew."""
        zeros = jax.tree.map(jnp.zeros_like, self.carry.tail)
        self.carry = self.carry._replace(tail=zeros)

    def run(self, controller: Any, progress: Progress, observers: tuple[Observer, ...] = ()) -> Raw:
        """Run until the controller, an observer, the keyboard or a non-finite ELBO ends it."""
        begin = time.perf_counter()
        compile_seconds, step, result, bad = 0.0, 0, None, None
        pending: collections.deque = collections.deque()
        looked = time.monotonic()
        try:
            while result is None:
                stop = min(self.shape.steps, controller.most - step)
                sizes = controller.step_sizes(step, stop)
                before = self.carry
                self.carry, elbos = self.dispatch(before, step // self.shape.steps, stop, sizes)
                if not self._history:
                    compile_seconds = time.perf_counter() - begin
                step += stop
                self._history.append(elbos[..., :stop])
                pending.append((step - stop, before, sizes))
                verdict = controller.after(step, self.shape.steps, self)
                result = verdict.result
                if verdict.reset:
                    self.reset_tail()
                bad = self._check(pending, all_of_it=result is not None)
                if bad is not None:
                    result, step = Result.nonfinite, bad[0]
                    break
                if time.monotonic() - looked >= _LOOK_IN_SECONDS:
                    looked = time.monotonic()
                    result = self._look_in(step, progress, observers) or result
        except KeyboardInterrupt:
            result = Result.interrupted
        parameters = self.last() if bad else controller.average(step, self.shape.steps, self)
        raw = self._raw(parameters, result, step, bad)
        progress.close(step)
        seconds = time.perf_counter() - begin - compile_seconds
        return raw._replace(compile_seconds=compile_seconds, run_seconds=seconds)

    def so_far(self, step: int) -> Raw:
        """What there is after this many steps, for callbacks."""
        return self._raw(self.last(), Result.interrupted, step, None)

    def _raw(self, vector: Array, result: Any, step: int, bad: Any) -> Raw:
        final = np.atleast_2d(np.asarray(self.evaluate(vector)))
        return Raw(
            np.atleast_2d(np.asarray(vector)),
            self._collect(step),
            result,
            step,
            bad,
            0.0,
            0.0,
            final,
        )

    def _collect(self, steps: int) -> np.ndarray:
        blocks = [np.atleast_2d(np.asarray(block)) for block in self._history]
        if not blocks:
            return np.zeros((self._restarts, 0))
        return np.concatenate(blocks, axis=1)[:, :steps]

    def _look_in(self, step: int, progress: Progress, observers: tuple) -> Result | None:
        if progress.due:
            progress.update(step, float(np.mean(np.asarray(self._history[-1]))))
        stopped = [observer(step) for observer in observers]
        return Result.stopped_by_callback if any(stopped) else None

    def _check(self, pending: collections.deque, all_of_it: bool) -> tuple[int, int] | None:
        """Wait for old blocks; where one is non-finite in every restart, go back to before it."""
        while pending and (all_of_it or len(pending) > _IN_FLIGHT):
            start, before, sizes = pending.popleft()
            elbos = np.atleast_2d(np.asarray(self._history[start // self.shape.steps]))
            bad = ~np.isfinite(elbos)
            if not bad.any(axis=1).all():
                continue
            first = int(np.argmax(bad, axis=1).max())
            block = start // self.shape.steps
            after, _ = self.dispatch(before, block, first + 1, sizes)
            self.carry, _ = self.dispatch(before, block, first, sizes)
            return start + first, _first_bad(
                np.atleast_2d(np.asarray(after.state.vector)), self.model_space.size
            )
        return None


def _first_bad(vectors: np.ndarray, size: int) -> int:
    """Index in z of the first variational parameter that is not finite, in any restart."""
    columns = np.flatnonzero(~np.isfinite(vectors).all(axis=0))
    return int(columns[0] % size) if columns.size else 0
