"""The spike-and-slab family against the exact evidence of a model of one weight."""

import numpy as np
import pytest
from scipy import integrate, stats

import moonfield as mf

INCLUSION, ROWS = 0.3, 25


def exact(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Log evidence and the probability that the weight is in use, by quadrature over its gate."""
    centre = np.log(INCLUSION / (1.0 - INCLUSION)) - 1.0

    def given(gate: float) -> float:
        covariance = np.eye(ROWS) + gate**2 * np.outer(x, x)
        return float(stats.multivariate_normal(np.zeros(ROWS), covariance).pdf(y))

    def on_ramp(v: float) -> float:
        return given(1.0 + v) * stats.logistic.pdf(v, centre)

    out = (1.0 - INCLUSION) * given(0.0)
    ramp = integrate.quad(on_ramp, -1.0, 0.0)[0]
    inside = ramp + given(1.0) * stats.logistic.sf(0.0, centre)
    return float(np.log(out + inside)), inside / (out + inside)


@pytest.mark.slow
@pytest.mark.parametrize(("slope", "gap"), [(0.0, 0.1), (0.4, 0.3), (1.5, 0.7)])
def test_the_elbo_is_close_to_the_evidence(slope: float, gap: float) -> None:
    """Surely in use, the gate's posterior falls from the ramp as an exponential: half a nat."""
    rng = np.random.default_rng(1)
    x, noise = rng.normal(size=ROWS), rng.normal(size=ROWS)
    y = slope * x + noise - x * (x @ noise) / (x @ x)  # the least-squares slope is as asked
    evidence, probability = exact(x, y)
    model = mf.BayesianNetwork(
        mf.nets.MLP([1, 1], bias=False),
        mf.priors.SpikeAndSlab(INCLUSION),
        mf.likelihoods.Normal(sd=1.0),
    )
    found = {
        name: mf.fit(model, x[:, None], y, method=mf.ADVI(family), steps=10_000, progress=False)
        for name, family in {
            "paired": mf.families.SpikeAndSlab(),
            "independent": mf.families.MeanField(),
        }.items()
    }
    paired, independent = (it.diagnostics for it in found.values())
    assert paired.elbo < evidence + 4.5 * paired.elbo_se
    assert paired.elbo > evidence - gap - 4.5 * paired.elbo_se
    assert paired.elbo > independent.elbo - 4.5 * np.hypot(paired.elbo_se, independent.elbo_se)
    inclusion = mf.diagnostics.inclusion(found["paired"], draws=4_000).probability[0]
    assert abs(inclusion - probability) < 0.15
