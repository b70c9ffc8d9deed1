"""Moonfield's methods on the reference posteriors, several seeds each: NAME METHOD OUT."""

import sys
import time
import warnings
from typing import Any

import fitted
import numpy as np
from posteriors import CASES, load

import moonfield as mf

DRAWS, SEEDS = 20_000, 5


def run(name: str, method: str) -> dict[str, Any]:
    """The first fit compiles; all seeds are kept, the first in front."""
    return {"seeds": [one(name, method, seed) for seed in range(SEEDS)]}


def one(name: str, method: str, seed: int) -> dict[str, Any]:
    data, _, _ = load(name)
    begun = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        program = mf.Program(CASES[name].model)
        posterior = mf.fit(program, data=data, method=method, seed=seed, progress=False)
    samples = {site: np.asarray(v) for site, v in posterior.sample(DRAWS, seed=seed).items()}
    seconds = time.perf_counter() - begun
    facts = posterior.diagnostics.facts
    return {
        "seconds": seconds,
        "method": posterior.diagnostics.method,
        "evaluations": posterior.diagnostics.evaluations,
        "khat": facts.get("khat"),
        "r_hat": facts.get("r_hat"),
        "warned": any(issubclass(w.category, mf.MoonfieldWarning) for w in caught),
        **fitted.errors(name, samples),
    }


if __name__ == "__main__":
    fitted.main(sys.argv[1:], run)
