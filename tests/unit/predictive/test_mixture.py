"""Quantiles from a cdf that can only be evaluated."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from moonfield.predictive.mixture import quantile_of


@pytest.mark.parametrize("level", [1e-6, 0.05, 0.5, 0.999])
def test_a_quantile_is_exact_after_few_evaluations(level: float) -> None:
    location = np.linspace(-2.0, 2.0, 1_000, dtype=np.float32)
    noise: Any = stats.t(4.0)
    evaluations = []

    def cdf(y: np.ndarray) -> np.ndarray:
        evaluations.append(y)
        return noise.cdf(y - location).astype(np.float32)

    found = quantile_of(cdf, level, location, np.full_like(location, 2.0**0.5), discrete=False)
    exact = location + noise.ppf(level)
    # What rounding of the cdf and of y leaves open.
    far = abs(noise.ppf(level))
    open_ = 3.0 * 2.0**-23 * level / noise.pdf(far) + 2.0**-21 * max(1.0, far)
    np.testing.assert_array_less(np.abs(found - exact), open_)
    assert len(evaluations) <= 20
