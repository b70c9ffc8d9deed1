"""A table of the parameters' marginals."""

import dataclasses
from typing import Any

import jax
import numpy as np

QUANTILES = (0.05, 0.5, 0.95)


@dataclasses.dataclass(frozen=True)
class Summary:
    """One entry per number: its name, mean, sd, quantiles and signal-to-noise |mean| / sd."""

    name: list[str]
    mean: np.ndarray
    sd: np.ndarray
    quantiles: np.ndarray  # (entries, 3): 5%, 50%, 95%
    signal_to_noise: np.ndarray

    def to_dict(self) -> dict[str, Any]:
        """Columns by name; `pandas.DataFrame(summary.to_dict())` makes a table."""
        columns = {f"q{round(100 * q)}": self.quantiles[:, i] for i, q in enumerate(QUANTILES)}
        head = {"name": self.name, "mean": self.mean, "sd": self.sd}
        return {**head, **columns, "signal_to_noise": self.signal_to_noise}

    def __len__(self) -> int:
        return len(self.name)

    def __str__(self) -> str:
        columns = self.to_dict()
        width = max([4, *(len(name) for name in self.name[:60])])
        lines = [f"{'name':<{width}}" + "".join(f"{c:>17}" for c in list(columns)[1:])]
        for i, name in enumerate(self.name[:60]):
            numbers = [columns[c][i] for c in list(columns)[1:]]
            lines.append(f"{name:<{width}}" + "".join(f"{number:17.4f}" for number in numbers))
        if len(self) > 60:
            lines.append(f"... {len(self) - 60:,} more")
        return "\n".join(lines)

    __repr__ = __str__


def summarise(posterior: Any, draws: int, seed: int) -> Summary:
    """Summary from draws; means and sds are exact where the approximation knows them."""
    leaves = posterior.model.named(posterior.sample(draws, seed))
    flat = np.concatenate([np.asarray(v).reshape(draws, -1) for v in leaves.values()], axis=1)
    names = [name for path, v in leaves.items() for name in _entries(path, v.shape[1:])]
    mean, sd = flat.mean(axis=0), flat.std(axis=0, ddof=1)
    exact = _exact_moments(posterior)
    if exact is not None:
        mean, sd = exact
    quantiles = np.quantile(flat, QUANTILES, axis=0).T
    with np.errstate(divide="ignore", invalid="ignore"):  # points have no sd
        return Summary(names, mean, sd, quantiles, np.abs(mean) / sd)


def _entries(path: str, shape: tuple[int, ...]) -> list[str]:
    if not shape:
        return [path]
    return [f"{path}[{', '.join(map(str, index))}]" for index in np.ndindex(*shape)]


def _exact_moments(posterior: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Moments in closed form, where the parameters are the unconstrained vector itself."""
    moments = posterior.approximation.moments()
    if moments is None or not posterior.model.is_plain:
        return None
    return jax.tree.map(np.asarray, moments)
