"""What a layer of a network makes of rows, and how sure the posterior is of it."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float


class Representations(NamedTuple):
    """Outputs of one layer under every posterior draw, before an activation that follows it.

    Attributes:
        layer: its path, e.g. `"layers.0"`.
        values: (draws, rows, units...).
    """

    layer: str
    values: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Over draws: (rows, units...)."""
        return self.values.mean(axis=0)

    @property
    def sd(self) -> np.ndarray:
        """Over draws: (rows, units...); of one draw NaN."""
        if len(self.values) < 2:
            return np.full(self.values.shape[1:], np.nan)
        return self.values.std(axis=0, ddof=1)

    @property
    def signal_to_noise(self) -> np.ndarray:
        """How much more a unit says of rows than draws differ about it: (units...).

        `sd_rows(E[h(x)]) / sqrt(mean_rows Var[h(x)])`, expectations over draws. Below 1 the unit
        differs more between draws than its mean differs between rows.
        """
        signal = self.mean.std(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):  # a unit that never varies
            return signal / np.sqrt((self.sd**2).mean(axis=0))

    @property
    def cka(self) -> Float[np.ndarray, "draws draws"]:
        """Linear CKA between the representations of every two draws: see `mf.diagnostics.cka`."""
        return _between(self.values)

    @property
    def stability(self) -> float:
        """Mean CKA of two different draws: 1 where all agree up to rotation and scale."""
        count = len(self.values)
        if count < 2:
            raise ValueError("Stability needs two draws or more.")
        return float((self.cka.sum() - count) / (count * (count - 1)))

    def __str__(self) -> str:
        draws, rows, *units = self.values.shape
        ratio = self.signal_to_noise
        return (
            f"{self.layer}: {' x '.join(map(str, units))} units, {rows:,} rows, {draws:,} draws. "
            f"CKA between draws {self.stability:.3f}; signal-to-noise of units "
            f"{np.nanmin(ratio):.2f} to {np.nanmax(ratio):.2f}, median {np.nanmedian(ratio):.2f}."
        )


def cka(first: Any, second: Any) -> float:
    """Linear centred kernel alignment of two representations of the same rows, in [0, 1].

    `|A'B|^2 / (|A'A| |B'B|)` in Frobenius norms, A (rows, p) and B (rows, q) with centred columns:
    1 where one is the other rotated, reflected (or permuted) and scaled (Kornblith, Norouzi, Lee &
    Hinton, 2019, "Similarity of neural network representations revisited", section 3). Of few rows
    and many units it is biased upwards. NaN where a representation does not vary.

    Raises:
        ValueError: they have different numbers of rows.
    """
    a, b = (np.asarray(it, np.float64).reshape(len(it), -1) for it in (first, second))
    if len(a) != len(b):
        raise ValueError(f"Both need the same rows; there are {len(a)} and {len(b)}.")
    return float(_between([a, b])[0, 1])


def _between(values: Any) -> Float[np.ndarray, "draws draws"]:
    """CKA of every two: one cross-product at a time, by the smaller of rows and units."""
    centred = [_centred(value) for value in values]
    rows, units = len(centred[0]), max(value.shape[1] for value in centred)
    if rows < units:  # |A'B|^2 = <AA', BB'>
        grams = np.stack([(value @ value.T).ravel() for value in centred])
        inner = grams @ grams.T
    else:
        inner = np.array([[np.sum((a.T @ b) ** 2) for b in centred] for a in centred])
    norms = np.sqrt(np.diagonal(inner))
    with np.errstate(divide="ignore", invalid="ignore"):
        return inner / np.outer(norms, norms)


def _centred(value: np.ndarray) -> Float[np.ndarray, "rows units"]:
    flat = np.asarray(value, np.float64).reshape(len(value), -1)
    return flat - flat.mean(axis=0)
