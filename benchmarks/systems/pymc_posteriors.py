"""PyMC's variational methods on the reference posteriors: NAME METHOD OUT."""

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import fitted
import numpy as np
import pymc as pm
import pymc_extras as pmx
import pytensor
import pytensor.tensor as pt
from posteriors import load

DRAWS = 20_000


def regression(X: Any, y: Any) -> None:
    beta, sigma = pm.Flat("beta", shape=X.shape[1]), pm.HalfFlat("sigma")
    pm.Normal("y", pt.dot(X, beta), sigma, observed=y)


def kidiq(X: Any, y: Any) -> None:
    beta, sigma = pm.Flat("beta", shape=4), pm.HalfCauchy("sigma", 2.5)
    pm.Normal("y", pt.dot(X, beta), sigma, observed=y)


def blr(X: Any, y: Any) -> None:
    beta, sigma = pm.Normal("beta", 0, 10, shape=X.shape[1]), pm.HalfNormal("sigma", 10)
    pm.Normal("y", pt.dot(X, beta), sigma, observed=y)


def ark(y: Any, lagged: Any) -> None:
    alpha, beta = pm.Normal("alpha", 0, 10), pm.Normal("beta", 0, 10, shape=lagged.shape[1])
    pm.Normal("y", alpha + pt.dot(lagged, beta), pm.HalfCauchy("sigma", 2.5), observed=y)


def garch(y: Any, sigma1: Any) -> None:
    mu, alpha0 = pm.Flat("mu"), pm.HalfFlat("alpha0")
    alpha1 = pm.Uniform("alpha1", 0, 1)
    beta1 = pm.Uniform("beta1", 0, 1 - alpha1)
    pm.Potential("flat", pt.log1p(-alpha1))

    def variance(lagged: Any, previous: Any, mu: Any, a0: Any, a1: Any, b1: Any) -> Any:
        return a0 + a1 * (lagged - mu) ** 2 + b1 * previous

    first = pt.as_tensor(np.asarray(sigma1) ** 2)
    later = pytensor.scan(
        variance,
        sequences=[pt.as_tensor(y[:-1])],
        outputs_info=[first],
        non_sequences=[mu, alpha0, alpha1, beta1],
        return_updates=False,
    )
    pm.Normal("y", mu, pt.sqrt(pt.concatenate([first[None], later])), observed=y)


def eight_schools(sigma: Any, y: Any) -> None:
    mu, tau = pm.Normal("mu", 0, 5), pm.HalfCauchy("tau", 5)
    z = pm.Normal("z", 0, 1, shape=len(y))
    pm.Normal("y", mu + tau * z, sigma, observed=y)


def mixture(y: Any) -> None:
    ordered = pm.distributions.transforms.ordered
    mu = pm.Normal("mu", 0, 2, shape=2, transform=ordered, initval=np.array([-1.0, 1.0]))
    sigma, theta = pm.HalfNormal("sigma", 2, shape=2), pm.Beta("theta", 5, 5)
    pm.NormalMixture("y", pt.stack([theta, 1 - theta]), mu, sigma=sigma, observed=y)


def kilpisjarvi(x: Any, prior: Any, y: Any) -> None:
    alpha, beta = pm.Normal("alpha", prior[0], prior[1]), pm.Normal("beta", prior[2], prior[3])
    pm.Normal("y", alpha + beta * x, pm.HalfFlat("sigma"), observed=y)


def diamonds(X: Any, y: Any) -> None:
    b = pm.Normal("b", 0, 1, shape=X.shape[1])
    intercept = pm.StudentT("Intercept", nu=3, mu=8, sigma=10)
    sigma = pm.HalfStudentT("sigma", nu=3, sigma=10)
    pm.Normal("y", intercept + pt.dot(X, b), sigma, observed=y)


MODELS: dict[str, Callable] = {
    "sblrc-blr": blr,
    "kidiq-kidscore_interaction": kidiq,
    "earnings-logearn_interaction": regression,
    "mesquite-logmesquite": regression,
    "nes2000-nes": regression,
    "garch-garch11": garch,
    "arK-arK": ark,
    "eight_schools-eight_schools_noncentered": eight_schools,
    "low_dim_gauss_mix-low_dim_gauss_mix": mixture,
    "kilpisjarvi_mod-kilpisjarvi": kilpisjarvi,
    "diamonds-diamonds": diamonds,
}

METHODS: dict[str, Callable[[], Any]] = {
    "advi": lambda: pm.fit(method="advi", random_seed=0, progressbar=False).sample(DRAWS),
    "fullrank_advi": lambda: pm.fit(
        method="fullrank_advi", random_seed=0, progressbar=False
    ).sample(DRAWS),
    "pathfinder": lambda: pmx.fit_pathfinder(
        num_draws=DRAWS, num_draws_per_path=5_000, random_seed=0, progressbar=False
    ),
    "dadvi": lambda: pmx.fit(
        method="dadvi", n_draws=DRAWS, random_seed=0, progressbar=False
    ),
}  # fmt: skip


def run(name: str, method: str) -> dict[str, Any]:
    data, _, _ = load(name)
    begun = time.perf_counter()
    with pm.Model():
        MODELS[name](**data)
        posterior = METHODS[method]().posterior
    seconds = time.perf_counter() - begun
    samples = {k: np.asarray(v).reshape(-1, *v.shape[2:]) for k, v in posterior.items()}
    return {"seconds": seconds, **fitted.errors(name, samples)}


if __name__ == "__main__":
    logging.getLogger("pymc").setLevel(logging.ERROR)
    fitted.main(sys.argv[1:], run)
