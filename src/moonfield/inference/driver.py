"""The host's side of a fit: dispatch blocks, look in now and then, end for a reason."""

import collections
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from jaxtyping import Array, PyTree

from .._core.keys import Stream, stream, streams, words
from .._core.progress import Progress
from .._core.results import Result
from .._core.trees import split
from ..data import ROUNDS, Dataset, Feed, Streamed, dealt, epochs, full_batch, rows_last, weighted
from ..families import AbstractApproximation
from ..model import AbstractModel, space
from .block import Carry, Tail, first_carry, run_block, with_empty_tail
from .chunk import Chunk, Estimates
from .devices import Devices
from .keeping import Keeping, Saver
from .method import AbstractStepping
from .processes import Alone, Together
from .snapshot import Mark
from .supply import Source, Supply, block_shape, draw_supply

_IN_FLIGHT = 3
_FLYING_BYTES = 64 * 2**20  # of the carries of chunks that were not checked yet
_STREAM_BYTES = 8 * 2**20  # of a stream's rows in a block
_LOOK_IN_SECONDS = 0.2
_ESTIMATES = 10  # of the ELBO at least, for a mean and its error

Observer = Callable[[int], bool]  # steps done -> end the fit?


class Sampling(NamedTuple):
    """Batches of rows with chances of their own."""

    refresh: int  # steps between two looks
    chances: Callable[[int], np.ndarray]  # steps done -> (rows,), not negative


class Raw(NamedTuple):
    """What a fit leaves: variational parameters and its record, restarts first."""

    parameters: np.ndarray  # (restarts, parameters), flat
    elbo: np.ndarray  # (restarts, steps)
    result: Result
    steps: int
    nonfinite: tuple[int, int] | None  # step, index of the first bad variational parameter
    compile_seconds: float
    run_seconds: float
    final_elbo: np.ndarray  # (restarts, evaluations) estimates at `parameters`
    skipped: np.ndarray  # (restarts,) updates that the optimiser left out


class Driver:
    """Runs blocks of one fit; owns the carry and the history."""

    carry: Carry
    _history: list[Estimates]
    _supplies: dict[int, Supply]
    _previous: Chunk | None  # the last chunk that was checked
    _done: tuple[int, Result | None]  # of a fit that is gone on with
    _in_flight: int  # chunks that may run before the first of them is checked

    def __init__(
        self,
        model: AbstractModel,
        method: AbstractStepping,
        data: Dataset | Streamed,
        batch_size: int | None,
        restarts: int,
        seed: int,
        first_step: int = 0,
        sampling: Sampling | None = None,
        devices: Devices | None = None,
    ):
        total = data.rows if devices is None else devices.rows
        self.model_space = space(model)
        parts = split(model), split(method)
        plan, places = None, 0
        if batch_size is not None and isinstance(data, Streamed):
            places = dealt(data.rows, batch_size)[1]
        elif batch_size is not None:
            # With chances of their own, rows are dealt below.
            plan, places = epochs(total, batch_size) if sampling is None else (None, batch_size)
        batch = data.example if isinstance(data, Streamed) else full_batch(data)
        row_bytes = sum(leaf.nbytes // len(leaf) for leaf in jax.tree.leaves(batch))
        dtype = batch.weights.dtype
        rows = places or len(batch.weights)
        draws, numbers = method.noise_shape(self.model_space.size)
        noise = draws, numbers + rows * method.row_noise
        # The same in every process, whatever rows it has: all must run the same blocks.
        work = (self.model_space.size + method.row_noise) * (places or total) * noise[0] * restarts
        shape = block_shape(noise, row_bytes, places, restarts, dtype.itemsize, work)
        if isinstance(data, Streamed):  # several blocks are on their way at a time
            most = max(1, _STREAM_BYTES // (row_bytes * places))
            shape = shape._replace(steps=min(shape.steps, most))
        self.shape = shape._replace(fusible=method.fusible)
        self._structures, self._arrays = zip(*parts, strict=True)
        self._source = Source(
            streams(seed, Stream.noise, restarts),
            words(seed, Stream.shuffle, ROUNDS),
            batch,
            np.asarray(total, dtype),
            plan,
        )
        self._feed = self._feed_of(data, batch_size)
        self.turns = Together() if devices is not None and len(devices.counts) > 1 else Alone()
        self._devices, self._placed_arrays = devices, self._arrays
        if devices is None:
            data_here = jax.device_put(batch if places else rows_last(batch))
            self._source = self._source._replace(data=data_here)
        else:
            assert isinstance(data, Dataset)
            self.shape = devices.shape(self.shape, rows, method.row_noise)
            self._source = devices.source(self._source, data, by_batches=places > 0)
            self._placed_arrays = devices.placement.everywhere(self._arrays)
        self._method, self._seed = method, seed
        self._restarts, self._dtype = restarts, dtype
        self._first_block = -(-first_step // self.shape.steps)
        self._history, self._supplies, self._previous, self._done = [], {}, None, (0, None)
        self._sampling, self._sampled = sampling, 0
        if sampling is not None:
            self._deal(np.ones(total))

    def _feed_of(self, data: Dataset | Streamed, batch_size: int | None) -> Feed | None:
        if not isinstance(data, Streamed):
            return None
        assert batch_size is not None
        seeds = np.asarray(self._source.shuffle_words).tolist()
        return Feed(data, seeds, batch_size, self.shape.steps)

    def start(
        self,
        approximation: AbstractApproximation | None,
        location: PyTree | None,
        squares: bool = True,
    ) -> None:
        """Set the first state: from an approximation, at a given location, or a fresh one.

        `squares`: whether the controller wants the squares of recorded parameters. Else a large
        state goes without them; others have them always, so that either controller's loop is the
        same compiled one.
        """
        self._set_carry(self._first(approximation, location, squares or not self.shape.late))

    def _first(
        self, approximation: AbstractApproximation | None, location: PyTree | None, squares: bool
    ) -> Carry:
        keys = streams(self._seed, Stream.start, self._restarts)
        if approximation is not None:
            given = with_empty_tail(self._method.resume(approximation), squares)
        elif location is not None:
            given = first_carry(self._structures, 1, squares, *self._arrays, keys[:1], location)
        else:
            return first_carry(self._structures, self._restarts, squares, *self._arrays, keys)
        if self._restarts == 1:
            return given
        fresh = first_carry(self._structures, self._restarts, squares, *self._arrays, keys)
        # The first restart begins there, the others afresh.
        return jax.tree.map(lambda every, one: every.at[0].set(one), fresh, given)

    def _set_carry(self, carry: Carry) -> None:
        self.carry = carry if self._devices is None else self._devices.placement.carry(carry)

    def _deal(self, chances: np.ndarray) -> None:
        """Rows of batches that are not drawn yet have these chances."""
        plan = weighted(stream(self._seed, Stream.shuffle), chances, self._source.rows.dtype)
        self._source = self._source._replace(deal=plan)
        self._supplies = {}

    def _is_time_to_deal(self, step: int) -> bool:
        return self._sampling is not None and step - self._sampled >= self._sampling.refresh

    def _deal_anew(self, step: int) -> None:
        """Ask for new chances. All chunks must have been checked: old batches are gone."""
        assert self._sampling is not None
        self._sampled = step
        self._deal(self._sampling.chances(step))

    def dispatch(self, carry: Carry, step: int, end: int, sizes: np.ndarray) -> tuple[Carry, Array]:
        """Run steps `step` to `end`, within one block, without waiting for them."""
        block, begin = divmod(step, self.shape.steps)
        stop = begin + end - step
        padded = np.ones(self.shape.steps, self._dtype)
        padded[begin:stop] = sizes
        fixed = (self._structures, self.shape, self._placed_arrays, self._supply(block))
        return run_block(*fixed, carry, np.int32(begin), np.int32(stop), padded)

    def _supply(self, block: int) -> Supply:
        """The supply of a block; the latest three are kept."""
        if block not in self._supplies:
            number = self._first_block + block
            self._supplies[block] = draw_supply(self.shape, self._source, number, self._feed)
            for old in list(self._supplies)[:-3]:
                del self._supplies[old]
        return self._supplies[block]

    def evaluate(self, vector: Array, least: int = _ESTIMATES) -> np.ndarray:
        """ELBO estimates at fixed variational parameters: always the same noise and batches.

        Those of as many whole blocks as give so many, (*restarts, estimates); waits for them.
        """
        if self._devices is not None:
            vector = self._devices.placement.carry(vector)
        carry = self.carry._replace(state=self.carry.state._replace(vector=vector))
        steps = self.shape.steps
        zeros, found = np.zeros(steps), []
        for number in range(-(-least // steps)):
            before_all = -(1 + number + self._first_block) * steps
            elbos = self.dispatch(carry, before_all, before_all + steps, zeros)[1]
            found.append(np.asarray(elbos))  # waits: a carry is alive for each that runs
        return np.concatenate(found, axis=-1)

    def fresh_supply(self, block: int = 0) -> Supply:
        """The noise and batches of a block of `evaluate`, which no step sees."""
        return self._supply(-1 - block - self._first_block)

    def close(self) -> None:
        """Stop reading ahead; without effect where nothing is read."""
        if self._feed is not None:
            self._feed.close()

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
        zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), self.carry.tail)
        self._set_carry(self.carry._replace(tail=zeros))

    def mark(self, step: int, result: Result | None) -> Mark:
        """Where the fit stands after this many steps; waits for nothing."""
        return Mark(step, result, self.carry, self._sampled, self._source.deal)

    def go_to(self, mark: Mark, elbo: np.ndarray) -> None:
        """Go on from a mark of the same fit, with the ELBOs before it (restarts, steps)."""
        self.carry, self._sampled, self._done = mark.carry, mark.sampled, (mark.step, mark.result)
        self._source, self._supplies = self._source._replace(deal=mark.deal), {}
        self._history = [Estimates(elbo, 0, mark.step)]

    @property
    def kind(self) -> tuple[int, Any]:
        """The number of restarts, and the type of their ELBOs."""
        return self._restarts, self._dtype

    def run(
        self,
        controller: Any,
        progress: Progress,
        observers: tuple[Observer, ...] = (),
        saver: Saver | None = None,
    ) -> Raw:
        """Run until the controller, an observer, the keyboard or a non-finite ELBO ends it."""
        begun = time.perf_counter()
        keeping = Keeping(self, saver)
        step, result, bad, compile_seconds = self._run_chunks(
            controller, progress, observers, keeping
        )
        if bad is None:
            keeping.end()
            vector = controller.average(step, self.shape.steps, self)
        else:
            result, step, vector = Result.nonfinite, bad[0], self.last()
        raw = self._raw(vector, result, step, bad)
        progress.close(step)
        seconds = time.perf_counter() - begun - compile_seconds
        return raw._replace(compile_seconds=compile_seconds, run_seconds=seconds)

    def _run_chunks(
        self, controller: Any, progress: Progress, observers: tuple, keeping: Keeping
    ) -> tuple[int, Result | None, tuple[int, int] | None, float]:
        """Dispatch chunks until something ends the fit.

        The steps done, why it ended, what was not finite, and the seconds to the first dispatch.
        """
        begun = looked = time.perf_counter()
        compile_seconds, bad, (step, result) = 0.0, None, self._done
        self._in_flight = min(_IN_FLIGHT, _FLYING_BYTES // _bytes_of(self.carry))
        pending: collections.deque[tuple[Chunk, Estimates]] = collections.deque()
        try:
            while result is None:
                chunk = self._next_chunk(step, controller)
                self.carry, elbos = self.dispatch(*chunk)
                compile_seconds = compile_seconds or time.perf_counter() - begun
                step = chunk.end
                deals = self._is_time_to_deal(step)
                if not deals and self._feed is None:  # which reads ahead by itself
                    self._supply(step // self.shape.steps)  # drawn while this chunk runs
                begin = chunk.step % self.shape.steps
                self._history.append(Estimates(elbos, begin, begin + chunk.end - chunk.step))
                pending.append((chunk, self._history[-1]))
                verdict = controller.after(step, self.shape.steps, self)
                result = verdict.result
                saves = keeping.is_due(step)
                bad = self._check(pending, ended=deals or saves or result is not None)
                if bad is not None:
                    break
                if deals and result is None:
                    self._deal_anew(step)
                if verdict.reset and result is None:
                    self.reset_tail()
                keeping.mark(step, controller, result, saves)
                look, stop = self.turns.look(time.perf_counter() - looked >= _LOOK_IN_SECONDS)
                if stop:
                    result = result or Result.interrupted
                elif look:
                    looked = time.perf_counter()
                    bad = self._check(pending, ended=True) if observers else None
                    if bad is not None:
                        break
                    result = self._look_in(step, progress, observers) or result
        except KeyboardInterrupt:
            if self.turns.several:
                raise  # others would wait for this one
            result = Result.interrupted
        return step, result, bad or self._check(pending, ended=True), compile_seconds

    def _next_chunk(self, step: int, controller: Any) -> Chunk:
        """From here to the end of the block, or to where the controller wants to be asked."""
        end = min((step // self.shape.steps + 1) * self.shape.steps, controller.until(step))
        return Chunk(self.carry, step, end, controller.step_sizes(step, end - step))

    def so_far(self, step: int) -> Raw:
        """What there is after this many steps, for callbacks."""
        return self._raw(self.last(), Result.interrupted, step, None, least=1)

    def _raw(self, vector: Array, result: Any, step: int, bad: Any, least: int = _ESTIMATES) -> Raw:
        final = np.atleast_2d(self.evaluate(vector, least))
        return Raw(
            np.atleast_2d(np.asarray(vector)),
            self.history(step),
            result,
            step,
            bad,
            0.0,
            0.0,
            final,
            skipped_steps(self.carry.state, self._restarts),
        )

    def history(self, steps: int) -> np.ndarray:
        """The ELBOs of so many steps, (restarts, steps); waits for them."""
        parts = [estimates.fetch() for estimates in self._history]
        joined = np.concatenate([np.zeros((self._restarts, 0), self._dtype), *parts], axis=1)
        return joined[:, :steps]

    def _look_in(self, step: int, progress: Progress, observers: tuple) -> Result | None:
        if progress.due:
            progress.update(step, float(np.nanmean(self._history[-1].fetch())))

        def answers() -> bool:
            stopped = [observer(step) for observer in observers]  # all of them are asked
            return any(stopped)

        return Result.stopped_by_callback if self.turns.ask(answers) else None

    def _check(self, pending: collections.deque, ended: bool) -> tuple[int, int] | None:
        """Wait for old chunks; where every restart is lost, go back to the last finite state.

        Large carries are waited for at once, so that two of them are alive and not five. Returns
        the step that was not finite and the variational parameter that it spoilt first.
        """
        ended = ended or self._in_flight == 0
        while pending and (ended or len(pending) > self._in_flight):
            chunk, estimates = pending.popleft()
            bad = ~np.isfinite(estimates.fetch())
            lost, first = bad.any(axis=1), chunk.step + np.argmax(bad, axis=1)
            if ended and not pending:  # no later ELBO will tell of the last state
                spoilt = ~np.isfinite(np.atleast_2d(np.asarray(self.last()))).all(axis=1)
                first = np.where(lost, first, chunk.end)
                lost = lost | spoilt
            if lost.all():
                return self._go_back(chunk, int(first.max()))
            self._previous = None if ended and not pending else chunk  # needed where it is unsure
        return None

    def _go_back(self, chunk: Chunk, step: int) -> tuple[int, int]:
        """To before the step that was not finite: `step`, or the one whose update spoilt it."""
        before = self._state_at(chunk, step)
        if not _any_finite(before):
            if step == chunk.step and self._previous is not None:
                chunk = self._previous  # the state between two chunks is the end of the earlier one
            step -= 1
            before = self._state_at(chunk, step)
        after = self._state_at(chunk, step + 1)
        self.carry = before
        return step, _first_bad(np.atleast_2d(np.asarray(after.state.vector)))

    def _state_at(self, chunk: Chunk, step: int) -> Carry:
        """The carry before a step of a chunk, recomputed."""
        if step == chunk.step:
            return chunk.carry
        return self.dispatch(chunk.carry, chunk.step, step, chunk.sizes[: step - chunk.step])[0]


def _bytes_of(carry: Carry) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(carry))


def skipped_steps(state: Any, restarts: int) -> np.ndarray:
    """Updates left out for gradients that were not finite, as `optax.apply_if_finite` counts."""
    found = optax.tree_utils.tree_get_all_with_path(state, "total_notfinite")
    counts = (np.asarray(count).reshape(restarts, -1).sum(axis=1) for _, count in found)
    return sum(counts, start=np.zeros(restarts, int))


def _any_finite(carry: Carry) -> bool:
    """Whether any restart's variational parameters are all finite."""
    return bool(np.isfinite(np.atleast_2d(np.asarray(carry.state.vector))).all(axis=1).any())


def _first_bad(vectors: np.ndarray) -> int:
    """Index of the first variational parameter that is not finite, in any restart."""
    columns = np.flatnonzero(~np.isfinite(vectors).all(axis=0))
    return int(columns[0]) if columns.size else 0
