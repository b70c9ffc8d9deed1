"""Posteriors of the same data side by side."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._core.checks import whole


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What several posteriors say.

    Attributes:
        names: of the posteriors.
        entries: names of the parameters' numbers.
        mean, sd: (posteriors, entries), from draws.
        elbo: (posteriors,) nats; nan where a method has none.
        elpd, elpd_se: (posteriors,) expected log predictive density of new data by PSIS-LOO, nats;
            nan for posteriors without training data.
        khat: (posteriors,) largest Pareto k of that estimate; above 0.7 it is not to be trusted.
    """

    names: tuple[str, ...]
    entries: tuple[str, ...]
    mean: np.ndarray
    sd: np.ndarray
    elbo: np.ndarray
    elpd: np.ndarray
    elpd_se: np.ndarray
    khat: np.ndarray

    def __str__(self) -> str:
        width = max(8, *map(len, self.names))
        head = f"{'':<{width}}  {'ELBO':>12} {'elpd (LOO)':>12} {'se':>8} {'worst k':>8}"
        lines = [head]
        for i, name in enumerate(self.names):
            numbers = f"{self.elbo[i]:12.2f} {self.elpd[i]:12.2f} {self.elpd_se[i]:8.2f}"
            lines.append(f"{name:<{width}}  {numbers} {self.khat[i]:8.2f}")
        wide = max(map(len, self.entries[:40]), default=0)
        lines += ["", f"{'mean (sd)':<{wide}}  " + "".join(f"{n:>22}" for n in self.names)]
        for j, entry in enumerate(self.entries[:40]):
            cells = [
                f"{m:.4g} ({s:.3g})" for m, s in zip(self.mean[:, j], self.sd[:, j], strict=True)
            ]
            lines.append(f"{entry:<{wide}}  " + "".join(f"{cell:>22}" for cell in cells))
        if len(self.entries) > 40:
            lines.append(f"... {len(self.entries) - 40:,} more")
        return "\n".join(lines)


def compare(posteriors: Mapping[str, Any], draws: int = 1_000, seed: int = 0) -> Comparison:
    """Means, sds, ELBO and PSIS-LOO of posteriors of one model, by the names given to them.

    Raises:
        ValueError: no posteriors, or posteriors of models with other parameters.
    """
    whole(draws, "draws")
    if not posteriors:
        raise ValueError("compare needs at least one posterior.")
    tables = {name: p.summary(draws, seed) for name, p in posteriors.items()}
    entries = next(iter(tables.values())).name
    for name, table in tables.items():
        if table.name != entries:
            raise ValueError(f"{name!r} is a posterior of a model with other parameters.")
    loo = [_loo(p, draws, seed) for p in posteriors.values()]
    return Comparison(
        tuple(posteriors),
        tuple(entries),
        np.stack([table.mean for table in tables.values()]),
        np.stack([table.sd for table in tables.values()]),
        np.array([p.diagnostics.elbo for p in posteriors.values()]),
        *(np.array(column) for column in zip(*loo, strict=True)),
    )


def _loo(posterior: Any, draws: int, seed: int) -> tuple[float, float, float]:
    """Elpd, its standard error and the largest Pareto k, by arviz-stats."""
    if posterior.data is None:
        return float("nan"), float("nan"), float("nan")
    from arviz_stats.loo import loo  # noqa: PLC0415  xarray takes half a second to import

    result: Any = loo(posterior.to_datatree(draws, seed), pointwise=True)
    return float(result.elpd), float(result.se), float(np.max(np.asarray(result.pareto_k)))
