"""The one verb."""

from collections.abc import Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from .._core.checks import whole
from .._core.keys import check_seed
from .._core.trees import path_name
from ..data import AbstractStream, Dataset, Streamed
from ..inference import (
    AbstractDirect,
    AbstractMethod,
    AbstractStepping,
    OwnRows,
    as_devices,
    as_method,
    devices_for,
)
from ..model import AbstractModel, AbstractProgram, HierarchicalNetwork, Program, Rows, space
from .across import check_across
from .checkpoint import as_checkpoint
from .posterior import Posterior
from .running import Callback, Job, run_direct, run_steps
from .sampling import AbstractSampler
from .streaming import check_streaming, streamed


def fit(
    model: AbstractModel | AbstractProgram,
    X: Any = None,
    y: Any = None,
    *,
    data: Any = None,
    groups: Any = None,
    weights: Any = None,
    sampler: Any = None,
    method: str | AbstractMethod = "auto",
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
        X: inputs (rows, ...): NumPy, pandas, polars or JAX; numeric and finite. Or a stream of
            `mf.data`, which holds y too and needs `batch_size`.
        y: targets (rows,) or (rows, targets).
        data: for programs, instead of X and y: the program's arguments by name.
        weights: one non-negative number per row, multiplied into its log-likelihood.
        method: `"auto"`, a name, or an object such as `mf.ADVI(...)`.
        steps: optimiser updates; None stops by itself and says why in `posterior.result`.
        batch_size: rows per step, None for all. The scale is known: nothing to multiply by hand.
        seed: an integer; the same seed gives the same bytes on one machine.
        start: a posterior to continue from (by small steps first: its sds may be small), or a tree
            of initial parameter values.
        restarts: initialisations that are run together; the best is returned, all are reported.
        progress: show a bar in terminals and notebooks.
        callbacks: functions `(step, posterior_so_far)` called a few times a second; one that
            returns True ends the fit.
        groups: for hierarchical networks, the name of each row's group.
        sampler: how rows are drawn into batches, e.g. `mf.UncertainRows()`; needs `batch_size`.
        checkpoint: a folder, or `mf.Checkpoint(folder, ...)`: called again after its process has
            died, the fit goes on from there and ends in the same bytes.
        devices: None for JAX's default device, a number of devices, `"all"`, or a sequence of
            JAX devices. Rows are split over them, or restarts or members of an ensemble where the
            number of devices divides theirs; the answer is the same but for rounding.

    Returns:
        A `Posterior`; `.result` says why the fit ended. Ctrl-C returns what there is, of
            methods that run by steps, of NUTS and of those that learn priors by the evidence;
            `"map"`, `"dadvi"`, `"pathfinder"`, `"mclmc"` and `"sghmc"` end in KeyboardInterrupt.

    Raises:
        TypeError, ValueError: bad input, before anything compiles; the message says what and where.
        NonFiniteError: the ELBO became non-finite; carries the last finite posterior.
    """
    if isinstance(model, HierarchicalNetwork) and groups is not None:
        X, groups = X if isinstance(X, AbstractStream) else Rows(X, groups), None
    checkpoint = as_checkpoint(checkpoint)
    where = None if devices is None else as_devices(devices)
    with OwnRows(where is not None and len({each.process_index for each in where}) > 1) as own:
        _check_options(model, groups, steps, restarts, seed, callbacks)
        amortised = isinstance(method, AbstractMethod) and method.amortised
        model, rows = _prepared(model, X, y, data, weights, amortised)
        own.rows = rows.rows
    total = sum(own.counts)
    by_steps = steps is not None or batch_size is not None or restarts != 1 or len(callbacks) > 0
    by_steps = by_steps or where is not None or checkpoint is not None
    chosen = as_method(method, model, total, by_steps).bind(model)
    if isinstance(rows, Streamed):
        check_streaming(chosen, batch_size, sampler, where)
    batch_size = _check_batch(model, isinstance(rows, Streamed), total, batch_size)
    sampler = _check_sampler(sampler, batch_size)
    job = Job(model, chosen, rows, batch_size, int(seed), *_starting_point(model, start), sampler)
    job = job._replace(checkpoint=checkpoint)
    if isinstance(chosen, AbstractDirect):
        _check_direct(chosen, steps, batch_size, restarts, callbacks, checkpoint, devices)
        return run_direct(job, progress)
    assert isinstance(chosen, AbstractStepping)
    if where is not None:
        assert isinstance(rows, Dataset)  # streams have been refused
        found = devices_for(where, own.counts, chosen, rows.exchangeable, restarts)
        job = job._replace(devices=found)
    if len(own.counts) > 1:
        check_across(job, steps, restarts, callbacks)
    return run_steps(job, steps, restarts, progress, callbacks)


def _check_options(
    model: Any,
    groups: Any,
    steps: int | None,
    restarts: int,
    seed: int,
    callbacks: Any,
) -> None:
    if not isinstance(model, AbstractModel | AbstractProgram):
        raise TypeError(f"model must be a Moonfield model, got {type(model).__name__}.")
    if groups is not None:
        raise ValueError(f"groups is not available for {type(model).__name__}; leave it out.")
    check_seed(seed)
    if steps is not None:
        whole(steps, "steps")
    whole(restarts, "restarts")
    if callable(callbacks) or not all(map(callable, callbacks)):
        raise TypeError("callbacks must be a sequence of functions (step, posterior_so_far).")


def _check_direct(
    method: AbstractDirect,
    steps: Any,
    batch_size: Any,
    restarts: int,
    callbacks: Any,
    checkpoint: Any,
    devices: Any,
) -> None:
    given = {
        "steps": steps is not None,
        "batch_size": batch_size is not None,
        "restarts": restarts != 1,
        "callbacks": len(callbacks) > 0,
        "checkpoint": checkpoint is not None,
        "devices": devices is not None,
    }
    for name, was_given in given.items():
        if was_given:
            raise ValueError(
                f"{name} is not for method {method.name!r}, which sees all rows and brings its own "
                f"loop. Leave it out, or set the method's own options."
            )


def _prepared(
    model: AbstractModel | AbstractProgram,
    X: Any,
    y: Any,
    data: Any,
    weights: Any,
    amortised: bool,
) -> tuple[AbstractModel, Dataset | Streamed]:
    """The model to fit, and its checked rows."""
    if amortised and not isinstance(model, Program):
        raise ValueError(
            "Amortised is for an mf.Program with latent sites inside its data plate, got "
            f"{type(model).__name__}. Leave it out of the method's family."
        )
    if isinstance(X, AbstractStream):
        rows = streamed(model, X, y, data, weights)
        return cast(AbstractModel, model), rows
    if isinstance(model, AbstractModel):
        return model.prepare(X, y, data, weights)
    if X is not None or y is not None:
        raise ValueError("A program is fitted to data={...}, not to X and y.")
    if isinstance(model, Program):
        return model.bind(data, weights, amortised)
    return model.bind(data, weights)


def _check_batch(
    model: AbstractModel, is_stream: bool, rows: int, batch_size: int | None
) -> int | None:
    if batch_size is None:
        return None
    batch_size = whole(batch_size, "batch_size")
    if not model.minibatchable:
        why = model.reason or f"{type(model).__name__} is not a sum over exchangeable rows"
        raise ValueError(
            f"A batch of rows would say nothing unbiased about all of them: {why}. "
            "Leave batch_size out."
        )
    if is_stream:
        return min(batch_size, rows)
    return None if batch_size >= rows else batch_size


def _check_sampler(sampler: Any, batch_size: int | None) -> AbstractSampler | None:
    if sampler is None:
        return None
    if not isinstance(sampler, AbstractSampler):
        raise TypeError(
            "sampler must be mf.UncertainRows or another mf.AbstractSampler, got "
            f"{type(sampler).__name__}."
        )
    if batch_size is None:
        raise ValueError("sampler draws rows into batches: give a batch_size below all rows.")
    return sampler


def _starting_point(model: AbstractModel, start: Any) -> tuple[Posterior | None, PyTree | None]:
    """A posterior to continue from, or a location, or neither."""
    if start is None:
        return None, None
    if isinstance(start, Posterior):
        old = start.model
        if space(old).shapes != space(model).shapes:
            raise ValueError("start must be a posterior of a model with the same parameters.")
        named = [it.groups.names for it in (old, model) if isinstance(it, HierarchicalNetwork)]
        if len(named) == 2 and named[0] != named[1]:
            raise ValueError(
                "start has other groups, or the same in another order. Build the model with "
                "groups=start.model.groups."
            )
        return start, None
    shapes = jax.eval_shape(lambda key: model.as_start(model.init(key)), jax.random.key(0))
    expected = jax.tree.structure(shapes)
    if jax.tree.structure(start) != expected:
        raise ValueError(
            f"start must be a posterior or a tree of parameters of structure {expected}, "
            f"got {jax.tree.structure(start)}."
        )
    for (path, leaf), want in zip(
        jax.tree_util.tree_leaves_with_path(start), jax.tree.leaves(shapes), strict=True
    ):
        if np.shape(leaf) != want.shape:
            raise ValueError(
                f"start has shape {np.shape(leaf)} at {path_name(path)}, expected {want.shape}."
            )
    start = jax.tree.map(lambda leaf, want: jnp.asarray(leaf, want.dtype), start, shapes)
    location = model.from_start(start)
    bad = np.flatnonzero(~np.isfinite(space(model).unconstrain(location)))
    if len(bad):
        raise ValueError(
            f"start is not finite, or not inside its prior's support, in "
            f"`{space(model).path_of(int(bad[0]))}`."
        )
    return None, location
