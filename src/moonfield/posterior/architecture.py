"""How large a network is that learns its own size."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from .._core.moments import in_parts
from .cutting import at_depth, cut, depth_probabilities
from .resizing import adaptive_layers, leading, outgoing, resized, sizes_of

if TYPE_CHECKING:
    from .posterior import Posterior

_DRAWS = 1_000


class Architecture(NamedTuple):
    """The posterior of a network's depth, and of the numbers of units of layers that learn theirs.

    A unit counts under a draw where its factor in the profile of `mf.priors.AdaptiveWidth` is not
    zero: all others change nothing.

    Attributes:
        posterior: whose architecture it is.
        widths: layer ("layers.0") -> units under each of 1,000 draws (draws,).
        units: layer -> the units that there are, and that a width cannot exceed.
        depths: probability of 0, 1, ... blocks under `mf.priors.AdaptiveDepth`; None without.
    """

    posterior: "Posterior"
    widths: dict[str, Int[np.ndarray, " draws"]]
    units: dict[str, int]
    depths: Float[np.ndarray, " depths"] | None = None

    @property
    def mean(self) -> dict[str, float]:
        """Expected width of each layer."""
        return {layer: float(widths.mean()) for layer, widths in self.widths.items()}

    def quantile(self, level: float) -> dict[str, int]:
        """A quantile of each layer's width: the least that is not exceeded so often."""
        return {
            layer: int(np.quantile(widths, level, method="inverted_cdf"))
            for layer, widths in self.widths.items()
        }

    def probabilities(self, layer: str) -> dict[int, float]:
        """Posterior probability of each width that occurs, the smallest first."""
        values, counts = np.unique(self.widths[layer], return_counts=True)
        return {int(v): int(c) / _DRAWS for v, c in zip(values, counts, strict=True)}

    def export(self, level: float = 0.999) -> "Posterior":
        """The posterior of the network with no more units, and blocks, than this quantile of each.

        Predicts the same up to the draws, a share of `1 - level`, that would use a unit or block
        more. It can be saved, and fitted on (`start=`).

        Raises:
            TypeError: the posterior is not mean-field.
        """
        found = self.posterior
        for layer, units in zip(self.widths, self.quantile(level).values(), strict=True):
            found = resized(found, int(layer.split(".")[1]), leading(units), units)
        if self.depths is None:
            return found
        return cut(found, int(np.sum(np.cumsum(self.depths) < level)))

    def at_depth(self, depth: int | None = None) -> "Posterior":
        """The posterior of the plain network of one depth: `q(w | depth)`.

        None takes the most probable one. All is as of a network that never learned its depth.

        Raises:
            ValueError: the network does not learn its depth, or has not so many blocks.
        """
        if self.depths is None:
            raise ValueError("This network does not learn its depth: mf.priors.AdaptiveDepth.")
        return at_depth(self.posterior, int(self.depths.argmax()) if depth is None else depth)

    def __str__(self) -> str:
        lines = []
        if self.depths is not None:
            lines.append("blocks  probability")
            lines += [f"{depth:6d}  {p:11.3f}" for depth, p in enumerate(self.depths)]
        if not self.widths:
            return "\n".join(lines)
        lines.append(f"{'layer':<10}  units   mean   5% to 95%")
        low, high = self.quantile(0.05), self.quantile(0.95)
        for layer, mean in self.mean.items():
            line = (
                f"{layer:<10}  {self.units[layer]:5d}  {mean:5.1f}   {low[layer]} to {high[layer]}"
            )
            lines.append(line)
        return "\n".join(lines)


def architecture(posterior: "Posterior") -> Architecture:
    """The architecture of a posterior.

    Raises:
        ValueError: neither depth nor the width of a layer is learned.
    """
    entries, depths = adaptive_layers(posterior.model), depth_probabilities(posterior)
    if not entries and depths is None:
        raise ValueError(
            "No hidden layer of this model learns its width: give the weights that read it, e.g. "
            "'layers.1.weight', the prior mf.priors.AdaptiveWidth(); or learn the depth of a "
            "residual network by mf.priors.AdaptiveDepth."
        )
    rates = {layer: [] for layer in entries}
    for drawn in in_parts(posterior.sample, _DRAWS, 0) if entries else ():
        for layer, own in rates.items():
            own.append(np.asarray(drawn["prior"][outgoing(layer)]["rate"][:, 0]))
    widths, sizes = {}, {}
    for layer, entry in entries.items():
        name = f"layers.{layer}"
        sizes[name] = sizes_of(posterior.model)[layer + 1]
        profile = np.asarray(entry.profile(np.concatenate(rates[layer]), sizes[name]))
        widths[name] = (profile > 0.0).sum(axis=1)
    return Architecture(posterior, widths, sizes, depths)
