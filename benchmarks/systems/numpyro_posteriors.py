"""NumPyro's automatic guides on the reference posteriors: NAME METHOD OUT."""

import sys
import time
from typing import Any

import fitted
import jax
import jax.numpy as jnp
import numpy as np
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoMultivariateNormal, AutoNormal
from numpyro.optim import Adam
from posteriors import CASES, load

DRAWS, STEPS = 20_000, 10_000
GUIDES = {"AutoNormal": AutoNormal, "AutoMultivariateNormal": AutoMultivariateNormal}


def run(name: str, method: str) -> dict[str, Any]:
    data, _, _ = load(name)
    arguments = {key: jnp.asarray(value) for key, value in data.items()}
    begun = time.perf_counter()
    model = CASES[name].model
    guide = GUIDES[method](model)
    svi = SVI(model, guide, Adam(1e-2), Trace_ELBO())
    state = svi.run(jax.random.key(0), STEPS, progress_bar=False, **arguments)
    drawn = guide.sample_posterior(jax.random.key(1), state.params, sample_shape=(DRAWS,))
    samples = {site: np.asarray(value) for site, value in drawn.items()}
    return {"seconds": time.perf_counter() - begun, **fitted.errors(name, samples)}


if __name__ == "__main__":
    fitted.main(sys.argv[1:], run)
