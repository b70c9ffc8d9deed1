"""Networks that find out how many units they need.

The rate of `mf.priors.AdaptiveWidth` is learned with the weights. What no gradient does is done
here, between compiled fits: sorting units so that the important ones come first, offering new ones,
and changing the size of the arrays that hold them.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from ..._core.checks import whole
from ..._core.keys import Stream, check_seed, stream
from ...model import BayesianNetwork
from ...posterior import (
    Posterior,
    adaptive_layers,
    fit,
    resized,
    signal_to_noise,
    sizes_of,
    with_units,
)

_IN_USE = 2.0  # signal-to-noise ratio of a unit that is: worth 2 nats
_OFFERED = 8  # new units at least: most of them come to nothing
_MANY = 32  # units at least that a layer begins with
_WORTH = 1.0  # nats of ELBO that a larger network must gain
_LEAST_ARRAY = 4
_LOST = 10.0  # nats of ELBO


class Stage(NamedTuple):
    """One fit of the search.

    Attributes:
        tried: the widths that it began with, by layer.
        widths: the units in use when it ended, by layer.
        elbo: nats.
        kept: whether the search went on from it.
        steps: optimiser updates.
    """

    tried: dict[str, int]
    widths: dict[str, int]
    elbo: float
    kept: bool
    steps: int


class Growth(NamedTuple):
    """What came of it.

    Attributes:
        posterior: of the network of the size that was found.
        stages: one for each fit; the last is of that network.
        arrays: the different sizes of arrays, in order: each was compiled for once.
    """

    posterior: Posterior
    stages: tuple[Stage, ...]
    arrays: tuple[tuple[int, ...], ...]

    @property
    def widths(self) -> dict[str, int]:
        """The units of each layer that learned its width."""
        return self.stages[-1].tried

    @property
    def steps(self) -> int:
        """Optimiser updates in all."""
        return sum(stage.steps for stage in self.stages)


def grow(
    model: BayesianNetwork,
    X: Any,
    y: Any,
    *,
    steps: int = 1_000,
    most: int = 40,
    batch_size: int | None = None,
    seed: int = 0,
) -> Growth:
    """Fit a network, and find the widths of those layers that have an `mf.priors.AdaptiveWidth`.

    A search on the ELBO, from the widths that the network comes with, or from 32 units: fewer find
    local optima, which units that join them later do not leave. A stage sorts the units of
    one layer by the signal-to-noise ratio of their outgoing weights, sets the width to so many more
    or fewer, puts new units where more are asked for, and fits on; rate and weights learn together.
    It is kept where the ELBO is higher, by a nat for a larger network. Strides begin at half the
    width and are halved where neither direction helps. Arrays are doubled where the width outgrows
    them, and cut where it falls below a quarter, so that little is compiled anew. Mean-field.

    Args:
        model: with an `mf.nets.MLP` and a prior table in which `mf.priors.AdaptiveWidth` stands for
            the weights that read each layer to be sized.
        X, y: as of `mf.fit`.
        steps: optimiser updates of a stage.
        most: stages.
        batch_size, seed: as of `mf.fit`.

    Raises:
        TypeError, ValueError: no layer learns its width, a part of the weights is without a
            distribution; as `mf.fit`.
    """
    whole(steps, "steps")
    whole(most, "most")
    check_seed(seed)
    layers = adaptive_layers(model)
    if not layers:
        raise ValueError(
            "No layer learns its width: give the weights that read it, e.g. 'layers.1.weight', the "
            "prior mf.priors.AdaptiveWidth()."
        )
    if model.points:
        raise ValueError(
            "Networks grow by what is known of every weight: leave bayesian out of the model."
        )
    search = _Search(X, y, int(steps), batch_size, int(seed))
    for layer in layers:
        model = with_units(model, layer, max(_MANY, sizes_of(model)[layer + 1]))
    best = search.first(model)
    strides = {layer: max(1, _width(best, layer) // 2) for layer in layers}
    while any(strides.values()) and len(search.stages) < most:
        for layer, stride in strides.items():
            best, strides[layer] = search.moved(best, layer, stride)
    return search.finished(best)


class _Search:
    """Fits, and the record of them."""

    def __init__(self, X: Any, y: Any, steps: int, batch_size: int | None, seed: int):
        self._rows, self._steps, self._batch_size, self._seed = (X, y), steps, batch_size, seed
        self.stages: list[Stage] = []
        self.arrays: list[tuple[int, ...]] = []

    def first(self, model: BayesianNetwork) -> Posterior:
        """A fit in which every unit of the network is within the width."""
        params = model.init(stream(self._seed, Stream.start))
        for layer, entry in adaptive_layers(model).items():
            units = sizes_of(model)[layer + 1]
            own = params["prior"][f"layers.{layer + 1}.weight"]
            own["rate"] = jnp.full_like(own["rate"], float(entry.typical) / units)
        found = self._fit(model, params, self._steps)
        self._record(found, _sizes(model), True)
        return found

    def moved(self, best: Posterior, layer: int, stride: int) -> tuple[Posterior, int]:
        """The first of two neighbours that is better, or what there is; and the next stride."""
        now = _width(best, layer)
        for width in (now - stride, now + max(stride, _OFFERED)) if stride else ():
            if width < 1:
                continue
            tries = [self._tried(best, layer, width)]
            if now < _width(tries[0], layer) < width:  # without those of the offered that are idle
                tries.append(self._tried(tries[0], layer, _width(tries[0], layer)))
            elbos = [found.diagnostics.elbo for found in tries]
            place = int(np.argmax(elbos))
            if elbos[place] - best.diagnostics.elbo <= (0.0 if width < now else _WORTH):
                continue
            number = len(self.stages) - len(tries) + place
            self.stages[number] = self.stages[number]._replace(kept=True)
            best = found = tries[place]
            if _width(found, layer) != now:
                return best, min(stride, max(1, _width(found, layer) // 2))
        return best, stride // 2

    def _tried(self, best: Posterior, layer: int, width: int) -> Posterior:
        """A stage that begins with another width of a layer."""
        start = _offer(best, layer, width)
        found = self._fit(start.model, start, self._steps)
        self._record(found, {**_sizes(best.model), f"layers.{layer}": width}, False)
        return found

    def finished(self, best: Posterior) -> Growth:
        """With arrays for the units in use alone, fitted on until the fit stops by itself.

        Again while that leaves units idle. Such a fit takes many steps of full size, which may lead
        it away from what was found: then one like those of the search takes its place.
        """
        idle = True
        while idle:
            elbo = best.diagnostics.elbo
            for layer in adaptive_layers(best.model):
                width = _width(best, layer)
                best = resized(best, layer, _sorted(best, layer)[:width], width)
            tried, cut = _sizes(best.model), best
            for steps in (None, self._steps):
                best = self._fit(cut.model, cut, steps)
                lost = steps is None and best.diagnostics.elbo <= elbo - _LOST
                self._record(best, tried, not lost)
                if not lost:
                    break
            idle = self.stages[-1].widths != tried
        return Growth(best, tuple(self.stages), tuple(self.arrays))

    def _fit(self, model: Any, start: Any, steps: int | None) -> Posterior:
        if sizes_of(model) not in self.arrays:
            self.arrays.append(sizes_of(model))
        options = {"batch_size": self._batch_size, "seed": self._seed + len(self.stages)}
        return fit(
            model, *self._rows, method="advi", steps=steps, start=start, progress=False, **options
        )

    def _record(self, found: Posterior, tried: dict[str, int], kept: bool) -> None:
        widths = {f"layers.{i}": _width(found, i) for i in adaptive_layers(found.model)}
        facts = found.diagnostics
        self.stages.append(Stage(tried, widths, facts.elbo, kept, facts.steps))


def _offer(best: Posterior, layer: int, width: int) -> Posterior:
    """Units sorted, the width set to another number, and arrays that hold so many and one more."""
    now, array = _width(best, layer), _sizes(best.model)[f"layers.{layer}"]
    if not array // 4 <= width < array:
        array = max(_LEAST_ARRAY, 1 << width.bit_length())
    kept = _sorted(best, layer)[: min(now, width)]
    return resized(best, layer, kept, array, float(width))


def _sorted(posterior: Posterior, layer: int) -> np.ndarray:
    """Units of a layer, the most important first."""
    return np.argsort(-signal_to_noise(posterior, layer), kind="stable")


def _width(posterior: Posterior, layer: int) -> int:
    """Units of a layer that are within the width and in use; at least one."""
    return max(1, int((signal_to_noise(posterior, layer) > _IN_USE).sum()))


def _sizes(model: Any) -> dict[str, int]:
    """Units of every layer that learns its width."""
    return {f"layers.{layer}": sizes_of(model)[layer + 1] for layer in adaptive_layers(model)}
