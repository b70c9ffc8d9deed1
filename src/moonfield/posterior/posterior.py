"""What a fit returns."""

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import narwhals.stable.v1 as nw
import numpy as np
from jaxtyping import Array, PyTree

from .._core.checks import whole
from .._core.keys import Stream, stream
from .._core.results import Result
from .._core.trees import split
from ..data import Dataset, Streamed, as_targets
from ..diagnostics import Check, Importance, Representations
from ..families import AbstractApproximation
from ..inference import GradientNoise
from ..io import PLATFORMS
from ..model import AbstractModel, HierarchicalNetwork, Rows, space
from ..predictive import (
    Mapped,
    Prediction,
    RowLogLikelihood,
    Source,
    checked_prediction,
    pointwise,
    program_sites,
    row_elbo,
    stack_draws,
)
from . import checking, judging
from .architecture import Architecture, architecture
from .exporting import Wish, export_posterior
from .new_groups import with_new_groups
from .record import Diagnostics
from .representing import check_has_layers, representations
from .run import Run
from .saving import save
from .streaming import training_rows
from .summary import Summary, summarise


class Posterior:
    """An approximation of the posterior of a model's parameters, and what follows from it.

    Attributes:
        model: the model that was fitted.
        approximation: the distribution over unconstrained parameters.
        elbo: (steps,) estimates of the ELBO, nats, on the scale of all rows; bigger is better.
        diagnostics: facts about the fit.
        columns: names of the input columns, if they had any.
        data: the rows of the fit; None of a fit to a stream, and after loading from a file.
        run: the method of a fit by steps and where every restart ended; None after loading.
        stream: the stream of the fit, if it was fitted to one; None after loading.
    """

    def __init__(
        self,
        model: AbstractModel,
        approximation: AbstractApproximation,
        elbo: np.ndarray,
        diagnostics: Diagnostics,
        columns: tuple[str, ...] | None = None,
        data: Dataset | None = None,
        run: Run | None = None,
        stream: Streamed | None = None,
    ):
        self.model = model
        self.approximation = approximation
        self.elbo = elbo
        self.diagnostics = diagnostics
        self.columns = columns
        self.data = data
        self.run = run
        self.stream = stream

    @property
    def result(self) -> Result:
        """Why the fit ended."""
        return self.diagnostics.result

    def __repr__(self) -> str:
        return f"Posterior of {self.model}\n{self.diagnostics}"

    def sample(self, n: int, seed: int = 0) -> PyTree:
        """N draws of the parameters on the constrained scale: a tree with a leading draws axis.

        `["network"]` holds the network's weights, `["likelihood"]` its own parameters by name,
        `["prior"]` further latent variables of the prior.

        Raises:
            ValueError: n is below 1 or the seed is negative.
        """
        whole(n, "n")
        structure, arrays = split((self.model, self.approximation))
        return _draws(structure, int(n), arrays, stream(seed, Stream.draws))

    def population(self, n: int, seed: int = 0, within: tuple = ()) -> PyTree:
        """N draws of the weights of a group that a hierarchical network has not seen.

        `within` names the known coarser groups that it belongs to, of nested ones: `("ford",)`.

        Raises:
            ValueError: the model has no groups, or none of that name.
        """
        model, approximation = with_new_groups(self.model, self.approximation)
        if not isinstance(model, HierarchicalNetwork):
            raise ValueError("Only an mf.HierarchicalNetwork has a population of groups.")
        structure, arrays = split((model, approximation))
        draws = _draws(structure, whole(n, "n"), arrays, stream(seed, Stream.draws))
        return model.of_group(draws["network"], model.groups.new(within))

    def predict(
        self,
        X: Any,
        *,
        draws: int = 500,
        seed: int = 0,
        keep_draws: bool = False,
        groups: Any = None,
    ) -> Prediction:
        """The posterior predictive distribution for any number of rows, lazily computed.

        A row's prediction depends on that row alone. `keep_draws` allows `prediction.mean_draws`.
        `groups` names the group of each row for a hierarchical network; None in place of a name
        (or of its last parts) stands for a group that was not seen, drawn from the population.

        Raises:
            TypeError, ValueError: X is not numeric and finite or has another shape than in
                training; draws below 1; groups missing, unknown, or given for a model without.
        """
        X = X if groups is None else Rows(X, groups)
        model, approximation = with_new_groups(self.model, self.approximation)
        return checked_prediction(model, approximation, self.inputs(X), draws, seed, keep_draws)

    def _asked(self, X: Any, seed: int) -> tuple[Source, PyTree]:
        """Where draws for these rows come from, and the rows as the model takes them."""
        model, approximation = with_new_groups(self.model, self.approximation)
        source = Source(model, approximation, stream(seed, Stream.draws))
        return source, model.check_inputs(self.inputs(X))

    def sites(
        self, X: Any = None, names: Sequence[str] | None = None, draws: int = 500, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Deterministic and observed sites of a program for other inputs: arrays (draws, ...).

        Observed sites are drawn, and so are local sites (one value a row) of a fit with
        `mf.Amortised`; `names` picks some, None takes all.

        Raises:
            TypeError: the model is not a program.
            ValueError: the program has no such site.
        """
        whole(draws, "draws")
        return program_sites(self._source(seed), X, names, int(draws), seed)

    def map(
        self, fn: Callable[[PyTree, Array], PyTree], X: Any, draws: int = 500, seed: int = 0
    ) -> PyTree:
        """`fn(params, row)` under every draw and for every row: arrays (draws, rows, ...).

        `params["network"]` is the network itself with drawn weights, callable on a row. `fn` is
        compiled and vectorised; beside the answer, memory is constant.

        Example:
            >>> hidden = lambda params, row: params["network"].layers[0](row)
            >>> # posterior.map(hidden, X).shape == (500, rows, units)
        """
        whole(draws, "draws")
        source, inputs = self._asked(X, seed)
        return stack_draws(source, Mapped(fn), inputs, draws)

    def representations(
        self, X: Any, layer: str, draws: int = 100, seed: int = 0, groups: Any = None
    ) -> Representations:
        """What a layer of the network makes of rows, under every draw, and how stable that is.

        `layer` is a path as in tables of priors, e.g. `"layers.0"`: its outputs, before an
        activation that the network applies to them. The answer holds an array (draws, rows,
        units...); of the weights one draw at a time.

        Raises:
            TypeError: the model is not a network.
            ValueError: it has no such layer, or one that is not used exactly once for a row.
        """
        check_has_layers(self.model)
        X = X if groups is None else Rows(X, groups)
        return representations(*self._asked(X, seed), layer, draws)

    def log_likelihood(self, X: Any, y: Any, draws: int = 500, seed: int = 0) -> np.ndarray:
        """Log-density of every row's target under every draw: (draws, rows), nats, unscaled."""
        whole(draws, "draws")
        source, inputs = self._asked(X, seed)
        model = source.model
        targets = as_targets(y, model.count(inputs), model.target_shape(inputs))
        model.check_targets(inputs, targets)
        return stack_draws(source, RowLogLikelihood(), inputs, draws, targets)

    def training_log_likelihood(self, draws: int = 500, seed: int = 0) -> np.ndarray:
        """Log-density of every training row under every draw: (draws, rows), nats, unscaled.

        A program whose observed sites do not align in rows has one entry, their sum.

        Raises:
            ValueError: the posterior was loaded from a file or fitted to a stream: it has no rows.
        """
        whole(draws, "draws")
        return pointwise(self._source(seed), training_rows(self), int(draws))

    def row_elbo(self, X: Any, draws: int = 100, seed: int = 0) -> np.ndarray:
        """A bound of the log evidence of rows, of the fit or new: (rows,), nats.

        `E_q[log p(row, local | global) - log q(local | row)]`, for a program with local sites
        fitted with `mf.Amortised`; X holds all of the rows' data.

        Raises:
            ValueError: the program has no local sites, or X lacks an array.
        """
        whole(draws, "draws")
        return row_elbo(self._source(seed), X, int(draws))

    @property
    def khat(self) -> float | None:
        """How far the approximation is from the posterior: Pareto k-hat of importance ratios.

        Below 0.5 it is close, above 0.7 it is not to be trusted. From 1,000 draws and all training
        rows; None where the approximation has no density (chains, particles).

        Raises:
            ValueError: there is no training data at hand (after loading from a file).
        """
        facts = self.diagnostics.facts
        if "khat" not in facts:
            weighed = self.importance()
            facts["khat"] = None if weighed is None else weighed.khat
        return facts["khat"]

    @property
    def gradient_noise(self) -> GradientNoise | None:
        """Signal and noise of one step's gradient of the ELBO at the final parameters.

        Computed when asked for, from a block of at most 250 steps' fresh noise and batches; also in
        `diagnostics.facts["gradient_signal_to_noise"]` from then on. None for methods that take no
        steps along the ELBO's gradient, and after loading from a file.
        """
        noise = checking.noise_of(self)
        if noise is not None:
            self.diagnostics.facts["gradient_signal_to_noise"] = noise.signal_to_noise
        return noise

    def check(self, X: Any = None, y: Any = None, draws: int = 500, seed: int = 0) -> Check:
        """What a network's predictions say about its fit; `print` it, or read its `sentences`.

        Compares the log score of held-out rows X, y with that of (at most 5,000) training rows, and
        the predictive means of the restarts, if there were several, with the epistemic sd: at X, or
        at the training rows. After a fit to a stream, some of its rows are read again.

        Raises:
            TypeError: the model is a program, whose parameters k-hat judges.
            ValueError: y is given without X, or they are not as in training.
        """
        return checking.checked(self, X, y, draws, seed)

    @property
    def architecture(self) -> Architecture:
        """The distributions over widths and depth of a network that learns its own size.

        That is one with the priors `mf.priors.AdaptiveWidth` or `mf.priors.AdaptiveDepth`.

        Raises:
            ValueError: it learns neither.
        """
        return architecture(self)

    def importance(self, draws: int = 1_000, seed: int = 0) -> Importance | None:
        """Draws of z weighted towards the posterior by Pareto-smoothed importance sampling.

        None where the approximation has no density. The weighted means and sds of z stand beside
        the approximation's own.

        Raises:
            ValueError: there is no training data at hand (after loading from a file).
        """
        return judging.weigh(self, draws, seed)

    def resample(self, draws: int = 4_000, seed: int = 0) -> "Posterior":
        """The posterior whose draws are importance-resampled ones of this one.

        Corrects an approximation that is not far off (k-hat below 0.7); its diagnostics hold k-hat.

        Raises:
            ValueError: the approximation has no density, or there is no training data at hand.
        """
        return judging.resampled(self, draws, seed)

    def summary(self, draws: int = 4_000, seed: int = 0) -> Summary:
        """Mean, sd, 5%, 50% and 95% quantiles and signal-to-noise (|mean| / sd) of every weight.

        Weights of hidden units may be permuted between fits: read function space for conclusions.
        """
        return summarise(self, draws, seed)

    def to_datatree(
        self, draws: int = 1_000, seed: int = 0, posterior_predictive: bool = False
    ) -> Any:
        """An ArviZ DataTree: posterior, sample_stats, and with training data at hand
        observed_data, log_likelihood (unscaled) and on request posterior_predictive.
        """
        from .datatree import to_datatree  # noqa: PLC0415  xarray takes half a second to import

        return to_datatree(self, draws, seed, posterior_predictive)

    def save(self, path: str | os.PathLike) -> None:
        """Write to one file (safetensors with a JSON header; written beside and renamed)."""
        save(self, path)

    def export(
        self,
        path: str | os.PathLike,
        X: Any = None,
        *,
        rows: int | None = None,
        draws: int = 500,
        seed: int = 0,
        platforms: Sequence[str] = PLATFORMS,
    ) -> None:
        """Write predictions to one file that needs only jax, flatbuffers and numpy to run.

        It holds StableHLO (`jax.export`) for each of `platforms`, and the draws that
        `predict(X, draws=draws, seed=seed)` averages over: 4 bytes for each parameter of each. Its
        numbers are those of `predict` up to float32 rounding; memory is constant in draws, not in
        rows: call it with a few thousand at a time. It checks nothing: what is not finite goes in
        and comes out. README and `moonfield.io.artefact` show the loader:

            predict, about = load("moons.npz")
            predict(X)["mean"]  # and sd, epistemic, aleatoric; for classes entropies, in nats

        `rows=None` takes any number of rows, and a number only that many. X, a row or more as for
        `predict`, tells the shape of a row where it is not known: after loading from a file, for
        networks other than perceptrons. A hierarchical network's artefact takes `{"x": X, "group":
        numbers}`, places in `about["groups"]`; a program's takes its arrays by name.

        Raises:
            ImportError: flatbuffers is not installed.
            TypeError, ValueError: rows belong together or have local latent variables; the shape of
                a row is not known; JAX cannot export the model's operations; bad arguments.
            OSError: the file system refuses; an old file is left as it was.
        """
        export_posterior(self, path, X, Wish(rows, draws, seed, platforms))

    def _source(self, seed: int) -> Source:
        return Source(self.model, self.approximation, stream(seed, Stream.draws))

    def inputs(self, X: Any) -> Any:
        """Table columns in training order; anything else as it is."""
        if isinstance(X, Rows):
            if not isinstance(self.model, HierarchicalNetwork):
                raise ValueError("This model has no groups; leave groups out.")
            return Rows(self.inputs(X.X), X.groups)
        frame = nw.from_native(X, eager_only=True, pass_through=True)
        if self.columns is None or not isinstance(frame, nw.DataFrame):
            return X
        names = [str(name) for name in frame.columns]
        missing = [name for name in self.columns if name not in names]
        if missing:
            raise ValueError(f"X lacks the column {missing[0]!r} that the model was trained on.")
        if tuple(names) == self.columns:
            return X
        return frame[:, [names.index(name) for name in self.columns]].to_native()


@functools.partial(jax.jit, static_argnames=("structure", "n"))
def _draws(structure: Any, n: int, arrays: list[Array], key: Array) -> PyTree:
    model, approximation = structure.join(arrays)
    constrain = space(model).constrain

    def one(index: Array) -> PyTree:
        return model.weights(constrain(approximation.draw(key, index))[0])

    return jax.vmap(one)(jax.numpy.arange(n))
