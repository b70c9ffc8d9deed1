"""The one verb."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from .._core.checks import whole
from .._core.errors import NonFiniteError
from .._core.keys import check_seed
from .._core.progress import Progress
from .._core.results import Result
from .._core.trees import path_name
from ..data import Dataset, as_inputs, dataset
from ..families import Variational
from ..inference import ADVI, Automatic, Driver, FixedSteps, Raw, as_method
from ..model import AbstractModel, space
from .posterior import Posterior
from .record import Diagnostics, mean_and_error

Callback = Callable[[int, Posterior], bool | None]


def fit(
    model: AbstractModel,
    X: Any = None,
    y: Any = None,
    *,
    data: Any = None,
    groups: Any = None,
    weights: Any = None,
    sampler: Any = None,
    method: str | ADVI = "auto",
    steps: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    start: Posterior | PyTree | None = None,
    restarts: int = 1,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
    checkpoint: Any = None,
    devices: Any = None,
) -> Posterior:
    """Fit a model to rows.

    Args:
        model: what to fit.
        X: inputs (rows, ...): NumPy, pandas, polars or JAX; numeric and finite.
        y: targets (rows,) or (rows, targets).
        weights: one non-negative number per row, multiplied into its log-likelihood.
        method: `"auto"`, a name, or an object such as `mf.ADVI(...)`.
        steps: optimiser updates; None stops by itself and says why in `posterior.result`.
        batch_size: rows per step, None for all. The scale is known: nothing to multiply by hand.
        seed: an integer; the same seed gives the same bytes on one machine.
        start: a posterior to continue from, or a tree of initial parameter values.
        restarts: initialisations that are run together; the best is returned, all are reported.
        progress: show a bar in terminals and notebooks.
        callbacks: functions `(step, posterior_so_far)` called a few times a second; one that
            returns True ends the fit.
        data, groups, sampler, checkpoint, devices: for programs, hierarchical networks, importance
            sampling, long fits and several devices; not available for this kind of model yet.

    Returns:
        A `Posterior`; `.result` says why the fit ended. Ctrl-C returns what there is.

    Raises:
        TypeError, ValueError: bad input, before anything compiles; the message says what and where.
        NonFiniteError: the ELBO became non-finite; carries the last finite posterior.
    """
    unavailable = {
        "data": data, "groups": groups, "sampler": sampler, "checkpoint": checkpoint,
        "devices": devices,
    }  # fmt: skip
    _check_options(model, unavailable, steps, restarts, seed, callbacks)
    chosen = as_method(method, model)
    rows = _check_data(model, X, y, weights)
    batch_size = _check_batch(model, rows.rows, batch_size)
    steps_before = start.diagnostics.steps_in_all if isinstance(start, Posterior) else 0
    driver = Driver(model, chosen, rows, batch_size, restarts, seed, steps_before)
    driver.start(*_starting_point(model, chosen, start))
    controller = Automatic() if steps is None else FixedSteps(int(steps), chosen.tuned)

    def finish(raw: Raw) -> Posterior:
        size = driver.model_space.size
        posterior = _posterior(model, chosen, rows, batch_size, seed, size, raw)
        facts = dataclasses.replace(posterior.diagnostics, steps_before=steps_before)
        posterior.diagnostics = facts
        return posterior

    observers = _observers(callbacks, driver, finish)
    raw = driver.run(controller, Progress(steps, progress), observers)
    if raw.nonfinite is not None:
        _raise_nonfinite(model, raw, finish(raw))
    return finish(raw)


def _check_options(
    model: Any,
    unavailable: dict[str, Any],
    steps: int | None,
    restarts: int,
    seed: int,
    callbacks: Any,
) -> None:
    if not isinstance(model, AbstractModel):
        raise TypeError(f"model must be a Moonfield model, got {type(model).__name__}.")
    for name, value in unavailable.items():
        if value is not None:
            raise ValueError(f"{name} is not available for {type(model).__name__}; leave it out.")
    check_seed(seed)
    if steps is not None:
        whole(steps, "steps")
    whole(restarts, "restarts")
    if callable(callbacks) or not all(map(callable, callbacks)):
        raise TypeError("callbacks must be a sequence of functions (step, posterior_so_far).")


def _check_data(model: AbstractModel, X: Any, y: Any, weights: Any) -> Dataset:
    table = as_inputs(X)
    rows = dataset(X, y, model.target_shape(table.values), weights)
    model.check_targets(rows.inputs, rows.targets)
    return rows


def _check_batch(model: AbstractModel, rows: int, batch_size: int | None) -> int | None:
    if batch_size is None:
        return None
    batch_size = whole(batch_size, "batch_size")
    if not model.minibatchable:
        raise ValueError(
            f"{type(model).__name__} is not a sum over exchangeable rows, so a batch of rows says "
            "nothing unbiased about all. Leave batch_size out."
        )
    return None if batch_size >= rows else batch_size


def _starting_point(model: AbstractModel, method: ADVI, start: Any) -> tuple[PyTree, PyTree]:
    """Variational parameters, or a location, or neither."""
    if start is None:
        return None, None
    if isinstance(start, Posterior):
        approximation = start.approximation
        if not isinstance(approximation, Variational) or approximation.family != method.family:
            raise ValueError("start must be a posterior of the same variational family.")
        if approximation.size != space(model).size:
            raise ValueError("start must be a posterior of a model with the same parameters.")
        return approximation.state, None
    expected = jax.tree.structure(jax.eval_shape(model.init, jax.random.key(0)))
    if jax.tree.structure(start) != expected:
        raise ValueError(
            f"start must be a posterior or a tree of parameters of structure {expected}, "
            f"got {jax.tree.structure(start)}."
        )
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    for (path, leaf), want in zip(
        jax.tree_util.tree_leaves_with_path(start), jax.tree.leaves(shapes), strict=True
    ):
        if np.shape(leaf) != want.shape:
            raise ValueError(
                f"start has shape {np.shape(leaf)} at {path_name(path)}, expected {want.shape}."
            )
    return None, jax.tree.map(lambda leaf, want: jnp.asarray(leaf, want.dtype), start, shapes)


def _posterior(
    model: AbstractModel,
    method: ADVI,
    rows: Dataset,
    batch_size: int | None,
    seed: int,
    size: int,
    raw: Raw,
) -> Posterior:
    estimates = [mean_and_error(row) for row in raw.final_elbo]
    means = np.array([mean for mean, _ in estimates])
    best = 0 if np.isnan(means).all() else int(np.nanargmax(means))
    state = jax.device_put(method.family_state(raw.parameters[best], size))
    approximation = Variational(method.family, state, size)
    diagnostics = Diagnostics(
        method=method.name,
        result=raw.result,
        steps=raw.steps,
        rows=rows.rows,
        batch_size=batch_size,
        elbo=estimates[best][0],
        elbo_se=estimates[best][1],
        restart_elbos=tuple(float(mean) for mean in means),
        seed=int(seed),
        compile_seconds=raw.compile_seconds,
        run_seconds=raw.run_seconds,
    )
    data = (rows.inputs, rows.targets)
    return Posterior(model, approximation, raw.elbo[best], diagnostics, rows.columns, data)


def _observers(callbacks: Sequence[Callback], driver: Driver, finish: Callable) -> tuple:
    def observer(callback: Callback) -> Callable:
        def observe(step: int) -> bool:
            return bool(callback(step, finish(driver.so_far(step))))

        return observe

    return tuple(observer(callback) for callback in callbacks)


def _raise_nonfinite(model: AbstractModel, raw: Raw, posterior: Posterior) -> NoReturn:
    assert raw.nonfinite is not None
    step, index = raw.nonfinite
    path = space(model).path_of(index)
    message = f"The ELBO became non-finite at step {step} in `{path}`. "
    remedy = Result.nonfinite.message.split(". ", 1)[1]
    raise NonFiniteError(message + remedy, step=step, path=path, posterior=posterior)
