"""A NumPyro model under given data: a model like any other."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float, PyTree

from .._core.trees import default_float
from ..data import Batch, Dataset, as_array
from .abstract_program import AbstractBoundProgram, Binding
from .coordinates import Coordinates
from .enumeration import log_density
from .layout import Layout, Target
from .local_sites import RowValues, by_row, local_size
from .sites import (
    Trace,
    base_of,
    is_factor,
    log_prob,
    row_sums,
    run,
    start_of,
    total,
    transform_of,
)

_PROTOTYPE_ROWS = 2
_UNSEEN = "rows of unseen data"  # among inputs: an array that only tells how many


class BoundProgram(AbstractBoundProgram):
    """What `mf.Program` becomes when it is fitted.

    Parameters are a dict of the latent sites' values on their constrained scale.
    """

    fn: Callable = eqx.field(static=True)
    whole: dict[str, Array]  # arrays that are not rows
    static: tuple[tuple[str, Any], ...] = eqx.field(static=True)
    by_row: tuple[tuple[str, tuple[int, ...], str], ...] = eqx.field(static=True)
    layout: Layout = eqx.field(static=True)
    refusal: str | None = eqx.field(static=True)  # why it cannot take batches
    amortised: bool = eqx.field(static=True, default=False)  # an encoder gives local sites
    measured_in: Coordinates | None = None

    @property
    def binding(self) -> Binding:
        rows = self.layout.rows
        return Binding(self.whole, dict(self.static), self.by_row, rows, self.amortised)

    @property
    def entries(self) -> int:
        """How many log-likelihoods there are without batches: rows, or 1 if they do not align."""
        return jax.eval_shape(self._entries, self._start_shapes()).shape[0]

    def init(self, key: Array) -> PyTree:
        names = [name for name, _ in self.layout.latents]
        keys = dict(zip(names, jax.random.split(key, len(names)), strict=True)) if names else {}
        return self._values(lambda site: start_of(site, keys[site["name"]]))

    def sample_prior(self, key: Array) -> PyTree:
        trace = self._trace(self._prototype(), {}, key)
        return {name: trace[name]["value"] for name, _ in self.layout.latents}

    def supports(self) -> PyTree:
        trace = self._trace(self._prototype(), {}, jax.random.key(0))
        return {name: trace[name]["fn"].support for name, _ in self.layout.latents}

    def constrain(self, unconstrained: PyTree) -> tuple[PyTree, Float[Array, ""]]:
        log_dets = [jnp.zeros((), default_float())]

        def choose(site: dict) -> Array:
            transform, z = transform_of(site), unconstrained[site["name"]]
            value = transform(z)
            log_dets.append(jnp.sum(transform.log_abs_det_jacobian(z, value)))
            return value

        return self._values(choose), sum(log_dets[1:], start=log_dets[0])

    def unconstrain(self, params: PyTree) -> PyTree:
        unconstrained = {}

        def choose(site: dict) -> Array:
            value = params[site["name"]]
            unconstrained[site["name"]] = transform_of(site).inv(value)
            return value

        self._values(choose)
        return unconstrained

    def log_prior(self, params: PyTree) -> Float[Array, ""]:
        return self.log_prior_given(params, self._prototype())

    def log_prior_given(self, params: PyTree, arrays: dict[str, Array]) -> Float[Array, ""]:
        """The same while the model sees these arrays, which should make no difference."""
        by_row = dict(self.layout.row_factors) if self.minibatchable else {}
        sites = [
            site
            for name, site in self._trace({**self.whole, **arrays}, params).items()
            if self._is_parameter(site) or (is_factor(site) and name not in by_row)
        ]
        return total(sites)

    def log_likelihood(self, params: PyTree, batch: Batch) -> Float[Array, " rows"]:
        if not self.minibatchable:
            return self._entries(params)
        return self._row_terms(self._trace({**self.whole, **batch.inputs}, params))

    def _row_terms(self, trace: Trace) -> Float[Array, " rows"]:
        """What each row's observed sites and factors add to the log-likelihood."""
        terms = (*self.layout.observed, *self.layout.row_factors)
        rows = [row_sums(trace[name], axis) for name, axis in terms]
        return sum(rows[1:], start=rows[0])

    @property
    def local_sites(self) -> tuple[str, ...]:
        return self.layout.local if self.amortised else ()

    @property
    def local_size(self) -> int:
        return local_size(self.local_sites, lambda choose: self._run(self._prototype(), choose))

    @property
    def row(self) -> PyTree:
        structs = {name: jax.ShapeDtypeStruct(shape, dtype) for name, shape, dtype in self.by_row}
        return self.seen(structs)

    def seen(self, inputs: PyTree) -> PyTree | None:
        names = [name for name, *_ in self.by_row]
        if any(name not in inputs for name in names):
            return None
        return inputs[names[0]] if len(names) == 1 else {name: inputs[name] for name in names}

    def log_local(
        self, params: PyTree, local: Float[Array, "rows size"], batch: Batch
    ) -> tuple[Float[Array, " rows"], Float[Array, " rows"]]:
        choose = RowValues(self.local_sites, params, local)
        trace = self._run({**self.whole, **batch.inputs}, choose)
        priors = [by_row(log_prob(trace[name])) for name in self.local_sites]
        return self._row_terms(trace), sum(priors, start=choose.log_det)

    def local_values(
        self, params: PyTree, local: Float[Array, "rows size"], inputs: PyTree
    ) -> dict[str, Array]:
        choose = RowValues(self.local_sites, params, local)
        trace = self._run({**self.whole, **inputs}, choose)
        return {name: trace[name]["value"] for name in self.local_sites}

    def sample_local(self, params: PyTree, inputs: PyTree, key: Array) -> dict[str, Array]:
        trace = self.trace(params, inputs, key)
        return {name: trace[name]["value"] for name in self.local_sites}

    def _entries(self, params: PyTree) -> Float[Array, " entries"]:
        """Log-likelihoods from all data: of each row where all observed sites align, else one."""
        if self.layout.discrete:
            joint = log_density(self.fn, {**self.whole, **dict(self.static)}, params)
            return (joint - self.log_prior(params))[None]
        trace = self._trace(self.whole, params)
        axes = dict(self.layout.observed)
        if axes and all(axes.values()):
            rows = [row_sums(trace[name], axis) for name, axis in axes.items()]
        else:
            rows = [trace[name]["fn"].log_prob(trace[name]["value"]) for name in axes]
            single = (
                len(rows) == 1 and rows[0].ndim == 1 and trace[next(iter(axes))]["scale"] is None
            )
            rows = rows if single else [total([trace[name] for name in axes])[None]]
        return sum(rows[1:], start=rows[0])

    def predictive(self, params: PyTree, inputs: PyTree) -> dist.Distribution:
        """The target's distribution; what is drawn anew for it is another for other parameters."""
        return self.trace(params, inputs, _key_of(params))[self.target.site]["fn"]

    def moments(self, params: PyTree, inputs: PyTree) -> tuple[Array, Array]:
        fn = self.predictive(params, inputs)
        if self.target.categorical:
            probs = _probabilities(fn)
            return probs, probs * (1.0 - probs)
        shape = jnp.shape(fn.mean)
        return fn.mean, jnp.broadcast_to(fn.variance, shape)

    def trace(self, params: PyTree, inputs: PyTree, key: Array | None = None) -> Trace:
        """The model run on other inputs; sites whose shapes no longer fit are drawn anew."""
        return self._trace(self._arguments(inputs), params, key, fresh=True)

    @property
    def site_names(self) -> tuple[str, ...]:
        observed = (name for name, _ in self.layout.observed)
        return (*self.layout.deterministic, *observed, *self.local_sites)

    def sites(
        self, params: PyTree, inputs: PyTree, names: tuple[str, ...], key: Array
    ) -> dict[str, Array]:
        trace = self.trace(params, inputs, key)
        return {name: _value_or_draw(trace[name], key) for name in names}

    def _arguments(self, inputs: PyTree) -> dict[str, Any]:
        """Inputs and what stands for all arguments that are not among them."""
        left_out = {n: None for n in inspect.signature(self.fn).parameters if n == self.target.data}
        constants = {n: v for n, v in self.whole.items() if n not in inputs and n not in left_out}
        if _UNSEEN in inputs or (self.amortised and self.target.data not in inputs):
            left_out = self._unseen(next(iter(inputs.values())).shape[0])
        given = {name: array for name, array in inputs.items() if name != _UNSEEN}
        return {**left_out, **constants, **given}

    def _unseen(self, rows: int) -> dict[str, Array]:
        """The targets of rows without data: zeros, which only tell how many there are."""
        return {
            name: jnp.zeros((rows, *shape), dtype)
            for name, shape, dtype in self.by_row
            if name == self.target.data
        }

    @property
    def target(self) -> Target:
        """The observed site that predictions are about."""
        if len(self.layout.targets) != 1:
            sites = ", ".join(repr(t.site) for t in self.layout.targets) or "none"
            raise ValueError(f"predict needs exactly one observed site; this program has {sites}.")
        return self.layout.targets[0]

    @property
    def kind(self) -> str:
        return "classes" if self.target.classes else "numbers"

    @property
    def binary(self) -> bool:
        return self.target.binary

    @property
    def discrete(self) -> bool:
        return self.target.discrete

    def check_inputs(self, X: Any) -> PyTree:
        """Arrays by argument name; those that the target is may be left out.

        Where nothing else has rows, a row is one that nothing is known of: as many as targets are
        given, or one.
        """
        if X is None:
            X = {}
        if not isinstance(X, Mapping):
            raise TypeError(f"Give the program's inputs by name, got {type(X).__name__}.")
        inputs = {name: np.array(as_array(name, value)) for name, value in X.items()}
        for name, *_ in self.by_row:
            if name in inputs and not inputs[name].ndim:
                raise ValueError(f"{name!r} must have rows, got the number {inputs[name]}.")
        known = {*inspect.signature(self.fn).parameters}
        for name in inputs:
            if name not in known:
                raise ValueError(f"The program has no argument {name!r}. It takes {sorted(known)}.")
        rows = 1
        if self.minibatchable and not self.amortised:
            rows = len(inputs.pop(self.target.data, np.zeros(1)))
        self._check_rows(inputs)
        if inputs or not self.minibatchable:
            return inputs
        return {_UNSEEN: np.zeros(rows, bool)}

    def _check_rows(self, inputs: dict[str, np.ndarray]) -> None:
        lengths = {}
        for name, shape, _ in self.by_row:
            if name == self.target.data and name not in inputs:
                continue
            if name not in inputs:
                raise ValueError(f"predict needs {name!r}: one entry for each row.")
            if inputs[name].shape[1:] != shape:
                raise ValueError(
                    f"{name!r} has rows of shape {inputs[name].shape[1:]}, expected {shape}."
                )
            lengths[name] = len(inputs[name])
        if len(set(lengths.values())) > 1:
            raise ValueError(f"Inputs have different numbers of rows: {lengths}.")

    def count(self, inputs: PyTree) -> int:
        if self.minibatchable:
            return super().count(inputs)
        moments = jax.eval_shape(lambda p: self.moments(p, inputs)[0], self._start_shapes())
        return moments.shape[0] if moments.shape else 1

    def row_log_prob(self, params: PyTree, inputs: PyTree, y: Array) -> Float[Array, " rows"]:
        if self.target.categorical:
            y = y.astype(jnp.int32)
        value = jnp.asarray(self.predictive(params, inputs).log_prob(y))
        return jnp.sum(value, axis=range(1, value.ndim))

    def observed(self, data: Dataset) -> dict[str, np.ndarray]:
        arrays = self.arguments(data)
        found = {t.site: arrays[t.data] for t in self.layout.targets if t.data is not None}
        return {site: np.asarray(array) for site, array in found.items()}

    def training_inputs(self, data: Dataset) -> PyTree:
        return self.arguments(data)

    def dims(self, name: str, axes: int) -> list[str]:
        names = [site for site, _ in self.layout.latents]
        return list(self.layout.dims[names.index(name)])

    def target_shape(self, inputs: Any) -> tuple[int, ...]:
        return self.target.shape

    def check_targets(self, inputs: Any, y: Any) -> None:
        """All that can be said without running the model is in its shape."""

    @property
    def is_plain(self) -> bool:
        return False

    def weights(self, params: PyTree) -> PyTree:
        return params

    def describe(self) -> dict[str, Any]:
        trace = self._trace(self._prototype(), {}, jax.random.key(0))
        sites = [
            (name, shape, type(trace[name]["fn"]).__name__) for name, shape in self.layout.latents
        ]
        likelihood = ", ".join(
            f"{name} ~ {type(trace[name]['fn']).__name__}" for name, _ in self.layout.observed
        )
        size = sum(leaf.size for leaf in jax.tree.leaves(self._start_shapes()))
        return {"weights": sites, "likelihood": likelihood, "size": size}

    def __str__(self) -> str:
        name = getattr(self.fn, "__name__", str(self.fn))
        lines = [f"Program {name}"]
        lines += [f"  {site}  {shape}" for site, shape in self.layout.latents]
        lines += [f"  {site}  of every row, by an encoder" for site in self.local_sites]
        lines += [f"  observes {site}" for site, _ in self.layout.observed]
        return "\n".join(lines)

    def _start_shapes(self) -> PyTree:
        return jax.eval_shape(self.init, jax.random.key(0))

    def _is_parameter(self, site: dict) -> bool:
        return site["name"] in dict(self.layout.latents)

    def _prototype(self) -> dict[str, Any]:
        """Arguments that stand for the data where it does not matter: the latent sites' priors."""
        rows = {
            name: jnp.zeros((_PROTOTYPE_ROWS, *shape), dtype) for name, shape, dtype in self.by_row
        }
        return {**self.whole, **rows}

    def _values(self, choose: Callable[[dict], Any]) -> dict[str, Array]:
        """The latent sites' values as chosen, one after the other."""
        names = {name for name, _ in self.layout.latents}

        def known(site: dict) -> Any:
            return choose(site) if site["name"] in names else None

        arguments = {**self._prototype(), **dict(self.static)}
        trace = run(self.fn, arguments, known, jax.random.key(0))
        return {name: trace[name]["value"] for name, _ in self.layout.latents}

    def _trace(
        self,
        arrays: dict[str, Any],
        params: dict[str, Array],
        key: Array | None = None,
        fresh: bool = False,
    ) -> Trace:
        def choose(site: dict) -> Any:
            value = params.get(site["name"])
            fits = value is not None and jnp.shape(value) == site["fn"].shape()
            return value if fits or not fresh else None

        return self._run(arrays, choose, key)

    def _run(
        self, arrays: dict[str, Any], choose: Callable[[dict], Any], key: Array | None = None
    ) -> Trace:
        key = jax.random.key(0) if key is None else key
        return run(self.fn, {**dict(self.static), **arrays}, choose, key)


def _probabilities(fn: dist.Distribution) -> Float[Array, "rows classes"]:
    probs = cast(Any, base_of(fn)).probs
    return jnp.broadcast_to(probs, (*fn.batch_shape, probs.shape[-1]))


def _key_of(params: PyTree) -> Array:
    """A key that every draw of parameters has of its own, the same wherever it is used."""
    key = jax.random.key(0)
    for leaf in jax.tree.leaves(params):
        bits = jax.lax.bitcast_convert_type(jnp.ravel(leaf).astype(np.float32), np.uint32)
        odd = 2 * jnp.arange(bits.size, dtype=np.uint32) + 1
        key = jax.random.fold_in(key, jnp.sum(bits * odd, dtype=np.uint32))
    return key


def _value_or_draw(site: dict[str, Any], key: Array) -> Array:
    """A site's value; a draw where the data were given to the encoder's eyes."""
    seen = site["type"] == "sample" and site["is_observed"]
    return site["fn"].sample(jax.random.fold_in(key, 1)) if seen else site["value"]
