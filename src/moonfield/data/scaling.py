"""Columns whose scale makes learning hard, in words."""

from typing import Any

import numpy as np

_LARGE = 1_000.0  # root mean square
_OFFSET = 100.0  # |mean| in sds


def badly_scaled(
    values: np.ndarray, names: Any, what: str = "column", least: float = 0.0
) -> str | None:
    """A sentence on the worst column of rows (rows, ...) that should be standardised; or None.

    One whose root mean square is above 1,000 or below `least`, or whose mean is 100 sds from 0.
    """
    if values.dtype.kind != "f" or values.ndim == 0 or len(values) < 2:
        return None
    flat = values.reshape(len(values), -1).astype(np.float64)
    mean, sd = flat.mean(axis=0), flat.std(axis=0)
    varies = sd > 1e-9 * np.abs(mean)
    offset = np.where(varies, np.abs(mean) / np.where(varies, sd, 1.0), 0.0)
    size = np.hypot(mean, sd)
    extreme = np.maximum(size / _LARGE, least / np.maximum(size, np.finfo(float).tiny))
    bad = (varies & (extreme > 1.0)) | (offset > _OFFSET)
    bad[bad] = ~np.isin(flat[:, bad], (0.0, 1.0)).all(axis=0)  # a rare one of two values is right
    if not bad.any():
        return None
    worst = int(np.argmax(np.where(bad, np.maximum(extreme, offset / _OFFSET), 0.0)))
    name = repr(names[worst]) if names is not None else worst
    return (
        f"{what} {name} has mean {mean[worst]:.4g} and sd {sd[worst]:.4g}: standardise it, so that "
        "priors, step sizes and single precision fit it"
    )
