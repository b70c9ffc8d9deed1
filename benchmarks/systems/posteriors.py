"""The eleven reference posteriors of posteriordb as NumPyro models, their data and their draws.

Densities as the reference data's README states them. `Case.columns(samples)` puts draws (dict by
site, leading axis of draws) in the order of the reference's names.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

FLAT = dist.constraints.real
POSITIVE = dist.constraints.positive


class Case(NamedTuple):
    """A model, how its data are made from the file, and its parameters in the reference's order."""

    model: Callable
    data: Callable[[dict], dict[str, Any]]
    columns: Callable[[dict], list[np.ndarray]]


def folder() -> Path:
    return Path(os.environ.get("MOONFIELD_DATA", "../shared/data")) / "posteriordb"


def load(name: str) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """The model's arguments; means and sds of the reference draws."""
    raw = json.loads((folder() / f"{name}.data.json").read_text())
    data = {key: np.asarray(value) for key, value in CASES[name].data(raw).items()}
    draws = np.load(folder() / f"{name}.draws.npz")["draws"]
    flat = draws.reshape(-1, draws.shape[-1])
    return data, flat.mean(axis=0), flat.std(axis=0, ddof=1)


def flat(name: str, *shape: int, support: Any = FLAT) -> Any:
    """A parameter with a flat density on its support."""
    return numpyro.sample(name, dist.ImproperUniform(support, shape, ()))


def regression(X: Any, y: Any = None) -> None:
    """Flat coefficients and noise sd."""
    beta = flat("beta", X.shape[1])
    sigma = flat("sigma", support=POSITIVE)
    with numpyro.plate("rows", X.shape[0]):
        numpyro.sample("y", dist.Normal(X @ beta, sigma), obs=y)


def kidiq(X: Any, y: Any = None) -> None:
    beta = flat("beta", 4)
    sigma = numpyro.sample("sigma", dist.HalfCauchy(2.5))
    with numpyro.plate("rows", X.shape[0]):
        numpyro.sample("y", dist.Normal(X @ beta, sigma), obs=y)


def blr(X: Any, y: Any = None) -> None:
    beta = numpyro.sample("beta", dist.Normal(0.0, 10.0).expand([X.shape[1]]).to_event(1))
    sigma = numpyro.sample("sigma", dist.HalfNormal(10.0))
    with numpyro.plate("rows", X.shape[0]):
        numpyro.sample("y", dist.Normal(X @ beta, sigma), obs=y)


def ark(y: Any, lagged: Any) -> None:
    alpha = numpyro.sample("alpha", dist.Normal(0.0, 10.0))
    beta = numpyro.sample("beta", dist.Normal(0.0, 10.0).expand([lagged.shape[1]]).to_event(1))
    sigma = numpyro.sample("sigma", dist.HalfCauchy(2.5))
    with numpyro.plate("times", lagged.shape[0]):
        numpyro.sample("y", dist.Normal(alpha + lagged @ beta, sigma), obs=y)


def garch(y: Any, sigma1: Any) -> None:
    mu = flat("mu")
    alpha0 = flat("alpha0", support=POSITIVE)
    alpha1 = numpyro.sample("alpha1", dist.Uniform(0.0, 1.0))
    beta1 = numpyro.sample("beta1", dist.Uniform(0.0, 1.0 - alpha1))
    numpyro.factor("flat", jnp.log1p(-alpha1))  # undoes the density of beta1

    def variance(previous: Any, lagged: Any) -> tuple[Any, Any]:
        now = alpha0 + alpha1 * (lagged - mu) ** 2 + beta1 * previous
        return now, now

    _, later = jax.lax.scan(variance, sigma1**2, y[:-1])
    sd = jnp.sqrt(jnp.concatenate([sigma1[None] ** 2, later]))
    numpyro.sample("y", dist.Normal(mu, sd), obs=y)


def eight_schools(sigma: Any, y: Any = None) -> None:
    mu = numpyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = numpyro.sample("tau", dist.HalfCauchy(5.0))
    with numpyro.plate("schools", sigma.shape[0]):
        z = numpyro.sample("z", dist.Normal(0.0, 1.0))
        numpyro.sample("y", dist.Normal(mu + tau * z, sigma), obs=y)


def mixture(y: Any = None) -> None:
    mu = numpyro.sample("mu", dist.ImproperUniform(dist.constraints.ordered_vector, (), (2,)))
    numpyro.factor("mu_prior", jnp.sum(dist.Normal(0.0, 2.0).log_prob(mu)))
    sigma = numpyro.sample("sigma", dist.HalfNormal(2.0).expand([2]).to_event(1))
    theta = numpyro.sample("theta", dist.Beta(5.0, 5.0))
    shares = dist.Categorical(jnp.stack([theta, 1.0 - theta]))
    with numpyro.plate("rows", y.shape[0]):
        numpyro.sample("y", dist.MixtureSameFamily(shares, dist.Normal(mu, sigma)), obs=y)


def kilpisjarvi(x: Any, prior: Any, y: Any = None) -> None:
    alpha = numpyro.sample("alpha", dist.Normal(prior[0], prior[1]))
    beta = numpyro.sample("beta", dist.Normal(prior[2], prior[3]))
    sigma = flat("sigma", support=POSITIVE)
    with numpyro.plate("rows", x.shape[0]):
        numpyro.sample("y", dist.Normal(alpha + beta * x, sigma), obs=y)


def diamonds(X: Any, y: Any = None) -> None:
    b = numpyro.sample("b", dist.Normal(0.0, 1.0).expand([X.shape[1]]).to_event(1))
    intercept = numpyro.sample("Intercept", dist.StudentT(3.0, 8.0, 10.0))
    sigma = numpyro.sample("sigma", dist.FoldedDistribution(dist.StudentT(3.0, 0.0, 10.0)))
    with numpyro.plate("rows", X.shape[0]):
        numpyro.sample("y", dist.Normal(intercept + X @ b, sigma), obs=y)


def _design(*columns: Any) -> np.ndarray:
    arrays = [np.asarray(column, float) for column in columns]
    return np.stack([np.ones(len(arrays[0])), *arrays], axis=1)


def _mesquite(d: dict) -> dict[str, Any]:
    logs = [np.log(d[k]) for k in ("diam1", "diam2", "canopy_height", "total_height", "density")]
    return {"X": _design(*logs, d["group"]), "y": np.log(d["weight"])}


def _nes(d: dict) -> dict[str, Any]:
    age = np.asarray(d["age_discrete"])
    ages = [(age == k).astype(float) for k in (2, 3, 4)]
    rest = (d["educ1"], d["gender"], d["income"])
    return {"X": _design(d["real_ideo"], d["race_adj"], *ages, *rest), "y": d["partyid7"]}


def _ark(d: dict) -> dict[str, Any]:
    y, k = np.asarray(d["y"]), d["K"]
    return {"y": y[k:], "lagged": np.stack([y[k - i : len(y) - i] for i in range(1, k + 1)], 1)}


def _interaction(a: Any, b: Any) -> np.ndarray:
    return _design(a, b, np.asarray(a) * np.asarray(b))


def _diamonds(d: dict) -> dict[str, Any]:
    X = np.asarray(d["X"], float)[:, 1:]
    return {"X": X - X.mean(axis=0), "y": d["Y"]}


def _kilpisjarvi(d: dict) -> dict[str, Any]:
    prior = [d[k] for k in ("pmualpha", "psalpha", "pmubeta", "psbeta")]
    return {"x": np.asarray(d["x"], float), "prior": np.asarray(prior, float), "y": d["y"]}


def _vectors(*names: str) -> Callable[[dict], list[np.ndarray]]:
    def columns(samples: dict) -> list[np.ndarray]:
        flat = [np.asarray(samples[name]).reshape(len(samples[name]), -1) for name in names]
        return list(np.concatenate(flat, axis=1).T)

    return columns


def _schools(samples: dict) -> list[np.ndarray]:
    mu, tau, z = (np.asarray(samples[name]) for name in ("mu", "tau", "z"))
    return [*(mu[:, None] + tau[:, None] * z).T, mu, tau]


_BETA_SIGMA = _vectors("beta", "sigma")

CASES: dict[str, Case] = {
    "sblrc-blr": Case(blr, lambda d: {"X": np.asarray(d["X"]), "y": d["y"]}, _BETA_SIGMA),
    "kidiq-kidscore_interaction": Case(
        kidiq, lambda d: {"X": _interaction(d["mom_hs"], d["mom_iq"]), "y": d["kid_score"]},
        _BETA_SIGMA,
    ),
    "earnings-logearn_interaction": Case(
        regression, lambda d: {"X": _interaction(d["height"], d["male"]), "y": np.log(d["earn"])},
        _BETA_SIGMA,
    ),
    "mesquite-logmesquite": Case(regression, _mesquite, _BETA_SIGMA),
    "nes2000-nes": Case(regression, _nes, _BETA_SIGMA),
    "garch-garch11": Case(
        garch, lambda d: {"y": np.asarray(d["y"]), "sigma1": np.asarray(float(d["sigma1"]))},
        _vectors("mu", "alpha0", "alpha1", "beta1"),
    ),
    "arK-arK": Case(ark, _ark, _vectors("alpha", "beta", "sigma")),
    "eight_schools-eight_schools_noncentered": Case(
        eight_schools, lambda d: {"sigma": np.asarray(d["sigma"], float), "y": d["y"]}, _schools
    ),
    "low_dim_gauss_mix-low_dim_gauss_mix": Case(
        mixture, lambda d: {"y": np.asarray(d["y"])}, _vectors("mu", "sigma", "theta")
    ),
    "kilpisjarvi_mod-kilpisjarvi": Case(
        kilpisjarvi, _kilpisjarvi, _vectors("alpha", "beta", "sigma")
    ),
    "diamonds-diamonds": Case(diamonds, _diamonds, _vectors("b", "Intercept", "sigma")),
}  # fmt: skip
