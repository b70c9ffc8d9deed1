"""Laplace's approximation: the Gaussian of the curvature at the mode."""

import functools
import math
from collections.abc import Callable
from typing import Any, Literal, cast, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from .._core.checks import whole
from .._core.errors import NonFiniteError
from .._core.trees import Structure, named_leaves, split
from ..families import Conditional, Gaussian, MeanField, MeanFieldState, Variational
from ..model import AbstractModel, BayesianNetwork, space
from ..networks import Modes
from .curvature import check_size, diagonal_precision_at, invert, precision_at
from .empirical_bayes import Learned, check_model, learn
from .gauss_newton import gauss_newton, weight_places
from .kronecker_curvature import check_rows, kronecker_gaussian, layer_priors
from .map import LogDensity, find_mode, mode_facts
from .method import AbstractDirect, Outcome
from .target import Target

_DIRECTIONS = 32  # in which modes differ by more than their sds, if they differ

Hessian = Literal["full", "gauss_newton", "diagonal", "kronecker", "last_layer"]


class Laplace(AbstractDirect):
    """`q(z) = N(mode, (-d^2 log p(data, z) / dz^2)^-1)`, the derivatives taken at the mode.

    The ELBO it reports is Laplace's estimate of the log marginal likelihood,
    `log p(data, mode) + size / 2 log 2 pi + 1/2 log det covariance` (MacKay, 1992, "A practical
    Bayesian framework for backpropagation networks"); its error is not known and is given as 0.
    Where curvatures are not positive (the mode is a saddle, or flat) their size stands in for
    them, and `diagnostics.facts["curvatures_replaced"]` counts them.

    Args:
        hessian: `"full"`; `"gauss_newton"`, that of a network's first-order expansion, whose
            curvatures are never negative; `"diagonal"`, which ignores correlations; `"kronecker"`,
            the Gauss-Newton matrix layer by layer, as Kronecker products; or `"last_layer"`, a full
            Hessian for the weights of the last layer of a network, all others held at the mode.
            `"full"` is of the Bayesian part of a model (`bayesian=`), all else held at the mode;
            its ELBO is then of the evidence given these.
        starts: how many random starts; a `start` given to `fit` replaces them all.
        linearised: predict by the network's first-order expansion about the mode,
            `f(x; mode) + J(x) (w - mode)`, in place of the network itself: it is the model whose
            posterior the curvature describes, and far from the mode the network is another (Immer,
            Korzepa & Bauer, 2021, "Improving predictions of Bayesian neural nets via local
            linearization", section 3.2). By default for every network. `posterior.model` is then
            the expanded model, and k-hat says how near its posterior is.
        empirical_bayes: with `"gauss_newton"`, learn a factor of the prior sds of every array of
            weights (of its parts, where at least 8 weights each have one sd), and the noise sd of a
            normal likelihood, by the marginal likelihood (`inference/empirical_bayes.py`); of a
            Student-t likelihood also the degrees of freedom. `posterior.model` then has what was
            found.
        modes: with `empirical_bayes`, how many modes, from as many random starts, have a Gaussian
            each; they weigh the same. One after the first whose weights use up more than three
            quarters of what the rows tell interpolates them, and is left out.
        even_noise: with `empirical_bayes`, for a likelihood with a head for its scale: some of the
            modes have heads that are 0, so that their noise does not vary from row to row, and
            prior sds of their own. As many as give the mixture of both kinds the best log score of
            a quarter of the rows (1,000 at most), which are first left out ("stacking": Yao et al.,
            2018, "Using stacking to average Bayesian predictive distributions"); perhaps none.
            Below 2.5 million rows times weights these rows also say whether the modes after the
            first of a kind have its prior sds, or learn their own. `diagnostics.facts` has
            `"modes_of_even_noise"` and `"modes_of_own_prior_sds"`.

    Raises:
        TypeError, ValueError: an argument is out of range, the model has no layers (or, for
            `even_noise`, no head for its noise), or the Hessian would not fit.
    """

    hessian: Hessian = eqx.field(static=True)
    starts: int = eqx.field(static=True)
    linearised: bool | None = eqx.field(static=True)
    empirical_bayes: bool = eqx.field(static=True)
    modes: int = eqx.field(static=True)
    even_noise: bool = eqx.field(static=True)

    def __init__(
        self,
        hessian: Hessian = "full",
        starts: int = 4,
        linearised: bool | None = None,
        empirical_bayes: bool = False,
        modes: int = 1,
        even_noise: bool = False,
    ):
        self.hessian = hessian
        self.linearised = linearised
        self.starts = whole(starts, "starts")
        if linearised not in (None, False, True):
            raise ValueError(f"linearised must be True, False or None, got {linearised!r}.")
        if hessian not in get_args(Hessian):
            raise ValueError(f"hessian must be one of {get_args(Hessian)}, got {hessian!r}.")
        self.empirical_bayes = bool(empirical_bayes)
        if empirical_bayes and hessian != "gauss_newton":
            raise ValueError(f"empirical_bayes needs hessian='gauss_newton', got {hessian!r}.")
        self.modes = whole(modes, "modes")
        if modes > 1 and not empirical_bayes:
            raise ValueError("modes is for empirical_bayes=True; starts are for the others.")
        self.even_noise = bool(even_noise)
        if even_noise and not empirical_bayes:
            raise ValueError("even_noise is for empirical_bayes=True.")

    @property
    def name(self) -> str:
        return "laplace"

    def bind(self, model: AbstractModel) -> "Laplace":
        if self.linearised and not isinstance(model, BayesianNetwork):
            raise ValueError(f"{type(model).__name__} is no network; leave linearised out.")
        if self.hessian == "full":
            check_size(len(_bayesian(model)), "Use hessian='diagonal' or hessian='last_layer'.")
        if self.hessian == "gauss_newton":
            weight_places(model)
        if self.empirical_bayes:
            check_model(model)
        if self.even_noise and not cast(BayesianNetwork, model).likelihood.head:
            raise ValueError(
                "even_noise is for a likelihood with a head for its scale; leave even_noise out."
            )
        if self.hessian == "kronecker":
            layer_priors(model)
        if self.hessian == "last_layer":
            check_size(len(last_layer(model)), "Use hessian='diagonal'.")
        return self

    def run(
        self,
        target: Target,
        seed: int,
        start: Float[Array, " size"] | None = None,
        progress: bool = False,
    ) -> Outcome:
        if self.empirical_bayes:
            return self._run_empirical_bayes(target, seed, start, progress)
        if self.hessian == "kronecker":
            check_rows(target)
        mode = find_mode(target, seed, start, self.starts)
        approximation, log_det, facts = _fitted(self.hessian, target, mode.point)
        numbers = len(_bayesian(target.model))
        evidence = mode.value + 0.5 * numbers * math.log(2.0 * math.pi) + 0.5 * log_det
        if self.hessian != "last_layer":
            facts = {"log_marginal_likelihood": evidence, **facts}
        return Outcome(
            approximation=approximation,
            trace=mode.trace,
            result=mode.result,
            steps=len(mode.trace),
            evaluations=mode.evaluations + target.size,
            elbo=(evidence, 0.0 if math.isfinite(evidence) else math.nan),
            compile_seconds=mode.compile_seconds,
            facts={**mode_facts(mode), **facts},
            model=self._model(target.model, mode.point),
        )

    def _run_empirical_bayes(
        self, target: Target, seed: int, start: Array | None, progress: bool
    ) -> Outcome:
        kinds = self.modes, self.even_noise
        found = learn(target, seed, start, self.starts, *kinds, progress)
        last = found.rounds[-1]
        return Outcome(
            approximation=found.approximation,
            trace=np.concatenate([one.trace for one in found.rounds]),
            result=found.result,
            steps=sum(len(one.trace) for one in found.rounds),
            evaluations=sum(one.evaluations + target.size for one in found.rounds),
            elbo=(found.evidence, 0.0 if math.isfinite(found.evidence) else math.nan),
            compile_seconds=0.0,
            facts={"log_marginal_likelihood": found.evidence, **found.facts, **mode_facts(last)},
            model=self._about(found),
        )

    def _model(self, model: AbstractModel, mode: Array) -> AbstractModel:
        """The model whose parameters the approximation is of."""
        if not isinstance(model, BayesianNetwork) or self.linearised is False:
            return model
        return model.linearised(_weights(model, mode))

    def _about(self, found: Learned) -> AbstractModel:
        if len(found.members) == 1:
            return self._model(found.model, found.members[0].mean)
        return found.model if self.linearised is False else _about_modes(found)


def _about_modes(found: Learned) -> BayesianNetwork:
    """Expanded about each member's mean; its directions are those that are known best."""
    modes, directions = [], []
    structure, arrays = split(found.model)
    for member, places in zip(found.members, found.free, strict=True):
        root = np.asarray(member.scale_tril, np.float64)[places]
        variances, vectors = np.linalg.eigh(root @ root.T)  # smallest first
        best = np.zeros((_DIRECTIONS, member.mean.size), member.mean.dtype)
        count = min(_DIRECTIONS, places.size)
        best[:count, places] = (vectors / np.sqrt(variances))[:, :count].T
        mode, steps = _mode_and_steps(structure, arrays, member.mean, best)
        modes.append(mode)
        directions.append(steps)
    return found.model.linearised(Modes(_stacked(modes), _stacked(directions)))


def _weights(model: BayesianNetwork, z: Array) -> PyTree:
    return model.weights(space(model).constrain(z)[0])["network"]


@functools.partial(jax.jit, static_argnames="structure")
def _mode_and_steps(
    structure: Structure, arrays: list[Array], z: Array, directions: Array
) -> tuple[PyTree, PyTree]:
    """The weights at z, and what they differ by along directions of z."""
    model = structure.join(arrays)
    mode = _weights(model, z)
    return mode, jax.vmap(lambda way: jax.tree.map(jnp.subtract, _weights(model, z + way), mode))(
        directions
    )


def _stacked(trees: list[PyTree]) -> PyTree:
    return jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *trees)


Fitted = tuple[Any, float, dict[str, Any]]  # approximation, log det of its covariance, facts


def _full(target: Target, mode: Array) -> Fitted:
    if target.model.points:
        return _conditional(target, mode, _bayesian(target.model))
    inverse = invert(precision_at(LogDensity(target), mode))
    gaussian = Gaussian(mode, jnp.asarray(inverse.root, mode.dtype))
    return gaussian, inverse.log_det, {"curvatures_replaced": inverse.replaced}


def _gauss_newton(target: Target, mode: Array) -> Fitted:
    """Of the likelihood's own numbers the exact Hessian, apart from the weights."""
    places = weight_places(target.model)
    precision = precision_at(_Prior(target.model), mode)
    precision[np.ix_(places, places)] += gauss_newton(target, mode, places)
    own = np.setdiff1d(np.arange(target.size), places)
    if own.size:
        precision[np.ix_(own, own)] = precision_at(LogDensity(target), mode, own)
    inverse = invert(precision)
    gaussian = Gaussian(mode, jnp.asarray(inverse.root, mode.dtype))
    return gaussian, inverse.log_det, {"curvatures_replaced": inverse.replaced}


class _Prior(eqx.Module):
    """The log prior density of z as a callable tree."""

    model: AbstractModel

    def __call__(self, z: Float[Array, " size"]) -> Float[Array, ""]:
        params, log_det = space(self.model).constrain(z)
        return self.model.log_prior(params) + log_det


def _diagonal(target: Target, mode: Array) -> Fitted:
    precision = diagonal_precision_at(LogDensity(target), mode)
    positive = np.maximum(np.abs(precision), np.finfo(mode.dtype).tiny)
    state = MeanFieldState(mode, jnp.asarray(-0.5 * np.log(positive), mode.dtype))
    facts = {"curvatures_replaced": int((precision <= 0).sum())}
    return Variational(MeanField(), state, target.size), -float(np.log(positive).sum()), facts


def _kronecker(target: Target, mode: Array) -> Fitted:
    fitted = kronecker_gaussian(target, layer_priors(target.model), mode)
    return fitted.approximation, fitted.log_det, {"curvatures_replaced": fitted.replaced}


def _last_layer(target: Target, mode: Array) -> Fitted:
    """Not a marginal likelihood: the weights below are not integrated over."""
    approximation, _, facts = _conditional(target, mode, last_layer(target.model))
    return approximation, math.nan, facts


def _conditional(target: Target, mode: Array, free: np.ndarray) -> Fitted:
    """The Gaussian of some coordinates, the others held at the mode."""
    inverse = invert(precision_at(LogDensity(target), mode, free))
    gaussian = Gaussian(mode[free], jnp.asarray(inverse.root, mode.dtype))
    facts = {"curvatures_replaced": inverse.replaced}
    return Conditional(mode, jnp.asarray(free, jnp.int32), gaussian), inverse.log_det, facts


_FITS: dict[Hessian, Callable[[Target, Array], Fitted]] = {
    "full": _full,
    "gauss_newton": _gauss_newton,
    "diagonal": _diagonal,
    "kronecker": _kronecker,
    "last_layer": _last_layer,
}


def _fitted(hessian: Hessian, target: Target, mode: Array) -> Fitted:
    try:
        found = _FITS[hessian](target, mode)
    except np.linalg.LinAlgError as error:  # of a matrix that is not finite
        raise _no_curvature(target, mode) from error
    leaves = jax.tree.leaves(eqx.filter(found[0], eqx.is_inexact_array))
    if not all(np.isfinite(leaf).all() for leaf in leaves):
        raise _no_curvature(target, mode)
    return found


def _no_curvature(target: Target, mode: Array) -> NonFiniteError:
    """The largest parameter is named: it has run away, or is a logarithm of what has."""
    path = space(target.model).path_of(int(np.argmax(np.abs(np.nan_to_num(mode, nan=np.inf)))))
    return NonFiniteError(
        f"The posterior has no curvature that is finite where it is largest, in `{path}`. Targets "
        "that do not vary, or in very small or large units, do that: standardise them, or choose "
        "a prior with less probability at 0.",
        step=0,
        path=path,
    )


def last_layer(model: AbstractModel) -> np.ndarray:
    """Indices in z of the weights of the last layer: the last one in the network's tree.

    Raises:
        ValueError: the model is not a network whose weights are parameters.
    """
    if not isinstance(model, BayesianNetwork):
        raise ValueError(f"{type(model).__name__} has no last layer; use hessian='full'.")
    names = list(named_leaves(model.shapes))
    prefix = names[-1].rpartition(".")[0]
    wanted = {name for name in names if name.rpartition(".")[0] == prefix}
    found = np.flatnonzero([path in wanted for path in _owners(model)])
    if not found.size:
        raise ValueError("The prior's latents are not the weights themselves; use hessian='full'.")
    return found


def _bayesian(model: AbstractModel) -> np.ndarray:
    """Indices in z of all that has a distribution."""
    points = model.points
    return np.flatnonzero([path not in points for path in _owners(model)])


def _owners(model: AbstractModel) -> list[str]:
    """The path of the parameter that owns each entry of z."""
    where = space(model)
    return [
        path
        for path, shape in zip(where.paths, where.shapes, strict=True)
        for _ in range(math.prod(shape))
    ]
