"""From a checked job to a posterior: by steps in the compiled loop, or in one go."""

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from .._core.errors import NonFiniteError
from .._core.progress import Progress
from .._core.results import Result
from ..data import Dataset, Streamed
from ..families import AbstractApproximation, Particles
from ..inference import (
    AbstractDirect,
    AbstractMethod,
    AbstractStepping,
    Automatic,
    Devices,
    Driver,
    FixedSteps,
    Outcome,
    Raw,
    Sampling,
    check_same_step,
    placed,
)
from ..model import AbstractBoundProgram, AbstractModel, row_of, space
from .checkpoint import Checkpoint
from .fingerprint import fingerprint
from .judging import judged, target_of
from .keeper import Keeper
from .posterior import Posterior
from .record import Diagnostics, mean_and_error
from .run import Run
from .sampling import AbstractSampler

Callback = Callable[[int, Posterior], bool | None]


class Job(NamedTuple):
    """What is to be fitted, checked."""

    model: AbstractModel
    method: AbstractMethod
    rows: Dataset | Streamed
    batch_size: int | None
    seed: int
    posterior: Posterior | None  # to continue from
    location: PyTree | None  # parameters to start at
    sampler: AbstractSampler | None = None  # of rows into batches
    checkpoint: Checkpoint | None = None
    devices: Devices | None = None  # None: JAX's default one

    @property
    def total(self) -> int:
        """Rows of all processes."""
        return self.rows.rows if self.devices is None else self.devices.rows


def run_steps(
    job: Job, steps: int | None, restarts: int, progress: bool, callbacks: Sequence[Callback]
) -> Posterior:
    """Fit by a method that the compiled loop runs."""
    method = job.method
    assert isinstance(method, AbstractStepping)
    keeper = None
    if job.checkpoint is not None:
        keeper = Keeper(job.checkpoint, fingerprint(job, steps, restarts))
    job = job._replace(model=_placed(job, method))
    inputs = job.rows.example.inputs if isinstance(job.rows, Streamed) else job.rows.inputs
    method = method.suited(job.model, row_of(inputs), job.batch_size or job.total)
    before = 0 if job.posterior is None else job.posterior.diagnostics.steps_in_all

    def chances(step: int) -> np.ndarray:
        assert job.sampler is not None
        found = np.asarray(job.sampler.chances(finish(driver.so_far(step))))
        if found.shape != (job.total,):
            raise ValueError(
                f"sampler.chances must give one chance for each of the {job.total:,} training "
                f"rows, got shape {found.shape}."
            )
        return found

    sampling = None if job.sampler is None else Sampling(job.sampler.refresh, chances)
    driver = Driver(
        job.model, method, job.rows, job.batch_size, restarts, job.seed, before, sampling,
        job.devices,
    )  # fmt: skip
    by_row = method.row_tolerance
    goes_on = job.posterior is not None and method.tuned
    automatic = Automatic(None if by_row is None else by_row * job.total, goes_on, method.climbs)
    controller = automatic if steps is None else FixedSteps(int(steps), method.tuned, goes_on)
    start = None if job.posterior is None else job.posterior.approximation
    driver.start(start, job.location, squares=steps is None)
    if keeper is not None:
        keeper.resume(driver, controller)
        if driver.turns.several:
            check_same_step(keeper.step)

    def finish(raw: Raw) -> Posterior:
        return _from_steps(job, method, driver.model_space.size, raw, before)

    observers = _observers(callbacks, driver, finish)
    try:
        with driver.turns:
            bar = Progress(steps, progress, method.quantity)
            raw = driver.run(controller, bar, observers, keeper)
    finally:
        driver.close()
    if raw.nonfinite is not None:
        _raise_nonfinite(job.model, method, raw, finish(raw))
    return judged(finish(raw))


def run_direct(job: Job, progress: bool) -> Posterior:
    """Fit by a method that brings its own loop."""
    begun = time.perf_counter()
    job = job._replace(model=_placed(job, job.method))
    assert isinstance(job.rows, Dataset)
    target = target_of(job.model, job.rows)
    start = job.location
    if job.posterior is not None:
        start = _mean_of(job.posterior, job.model)
    elif start is not None:
        start = space(job.model).unconstrain(start)
    assert isinstance(job.method, AbstractDirect)
    outcome = job.method.run(target, job.seed, start, progress)
    _check_finite(job, outcome)
    elbo, error = outcome.elbo
    diagnostics = Diagnostics(
        method=outcome.method or job.method.name,
        result=outcome.result,
        steps=outcome.steps,
        rows=job.rows.rows,
        batch_size=None,
        elbo=elbo,
        elbo_se=error,
        restart_elbos=(elbo,),
        seed=job.seed,
        compile_seconds=outcome.compile_seconds,
        run_seconds=time.perf_counter() - begun - outcome.compile_seconds,
        evaluations=outcome.evaluations,
        facts=outcome.facts,
    )
    found = job if outcome.model is None else job._replace(model=outcome.model)
    return judged(_finished(found, outcome.approximation, outcome.trace, diagnostics))


def _placed(job: Job, method: AbstractMethod) -> AbstractModel:
    """The model in the coordinates of the fit.

    A method that goes on from a posterior's state needs those that the state is in, whichever it
    would have chosen itself.
    """
    model, before = job.model, job.posterior
    if before is not None and isinstance(model, AbstractBoundProgram):
        goes_on = isinstance(method, AbstractStepping) or method.placing is not None
        return model.within(before.model.coordinates) if goes_on else model
    if before is not None or job.location is not None or method.placing is None:
        return model
    if isinstance(job.rows, Streamed):  # of a network, which keeps its own
        return model
    return placed(target_of(model, job.rows), method, job.rows.rows, job.seed)


def _mean_of(posterior: Posterior, model: AbstractModel) -> Any:
    """A posterior's mean in the unconstrained space of a model."""
    moments = posterior.approximation.moments()
    mean = _mean_of_draws(posterior.approximation) if moments is None else moments[0]
    params, _ = space(posterior.model).constrain(mean)
    return space(model).unconstrain(params)


def _mean_of_draws(approximation: AbstractApproximation) -> Any:
    """Of 1,000 draws of z, for what has no moments in closed form."""
    draw = functools.partial(approximation.draw, jax.random.key(0))
    return jnp.mean(jax.lax.map(draw, jnp.arange(1_000)), axis=0)


def _check_finite(job: Job, outcome: Outcome) -> None:
    """Raise `NonFiniteError` for draws that are not finite, naming the first parameter."""
    if not isinstance(outcome.approximation, Particles):
        return
    bad = ~np.isfinite(np.asarray(outcome.approximation.points)).all(axis=0)
    if bad.any():
        path = space(outcome.model or job.model).path_of(int(np.argmax(bad)))
        raise NonFiniteError(
            f"Draws of {job.method.name!r} are not finite in `{path}`: its steps are too long for "
            "this posterior. Take a smaller step size, standardise the inputs, or use "
            "method='nuts'.",
            step=0,
            path=path,
        )


def _finished(
    job: Job,
    approximation: AbstractApproximation,
    trace: np.ndarray,
    diagnostics: Diagnostics,
    run: Run | None = None,
) -> Posterior:
    rows = job.rows
    alone = job.devices is None or len(job.devices.counts) == 1
    stream = rows if isinstance(rows, Streamed) else None
    # One process' rows are not what the posterior is of.
    data = rows if alone and isinstance(rows, Dataset) else None
    found = job.model, approximation, trace, diagnostics
    return Posterior(*found, rows.columns, data, run, stream)


def _from_steps(
    job: Job, method: AbstractStepping, size: int, raw: Raw, steps_before: int
) -> Posterior:
    estimates = [mean_and_error(row) for row in raw.final_elbo]
    means = np.array([mean for mean, _ in estimates])
    best = 0 if np.isnan(means).all() else int(np.nanargmax(means))
    approximation = method.approximation(raw.parameters[best], size)
    diagnostics = Diagnostics(
        method=method.name,
        result=raw.result,
        steps=raw.steps,
        rows=job.total,
        batch_size=job.batch_size,
        elbo=estimates[best][0],
        elbo_se=estimates[best][1],
        restart_elbos=tuple(float(mean) for mean in means),
        seed=job.seed,
        compile_seconds=raw.compile_seconds,
        run_seconds=raw.run_seconds,
        steps_before=steps_before,
        quantity=method.quantity,
        facts={"skipped_steps": int(raw.skipped[best])},
    )
    run = Run(method, raw.parameters, best)
    return _finished(job, approximation, raw.elbo[best], diagnostics, run)


def _observers(callbacks: Sequence[Callback], driver: Driver, finish: Callable) -> tuple:
    def observer(callback: Callback) -> Callable:
        def observe(step: int) -> bool:
            return bool(callback(step, finish(driver.so_far(step))))

        return observe

    return tuple(observer(callback) for callback in callbacks)


def _raise_nonfinite(
    model: AbstractModel, method: AbstractStepping, raw: Raw, posterior: Posterior
) -> NoReturn:
    assert raw.nonfinite is not None
    step, index = raw.nonfinite
    path = method.path_of(space(model), index)
    quantity = posterior.diagnostics.quantity
    message = f"The {quantity} became non-finite at step {step} in `{path}`. "
    remedy = Result.nonfinite.message.split(". ", 1)[1]
    raise NonFiniteError(message + remedy, step=step, path=path, posterior=posterior)
