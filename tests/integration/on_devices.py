"""A program for a process of its own: the same fits on one device and on several.

Prints a JSON object for each fit: its name, the devices, the ELBOs, the final one and its error,
and how many operations of the compiled steps speak to other devices.
"""

import json
import re
import sys
from typing import Any

import jax
import numpy as np

import moonfield as mf
from moonfield.inference import block, supply
from tests.factors import factor_rows, factors
from tests.helpers import moons_model, moons_split

SPEAKS = re.compile(r" (?:all-reduce|all-gather|all-to-all|reduce-scatter|collective-permute)\(")
ROWS, PLACES = 501, 50  # neither is a multiple of the devices: batches of 45 and 46 rows


def moons(**options: Any) -> mf.Posterior:
    data = moons_split()
    X, y = np.concatenate([data.X, data.X_test])[:ROWS], np.concatenate([data.y, data.y_test])
    return mf.fit(moons_model(), X, y[:ROWS], progress=False, **options)


def amortised(**options: Any) -> mf.Posterior:
    import equinox as eqx

    method = mf.ADVI(family=mf.Amortised(eqx.nn.Linear(5, 4, key=jax.random.key(0))))
    program = mf.Program(factors)
    return mf.fit(program, data={"x": factor_rows(ROWS)}, method=method, progress=False, **options)


def goes_on(**options: Any) -> mf.Posterior:
    return moons(start=moons(steps=10), **options)


def drawn_late(**options: Any) -> mf.Posterior:
    """Every step draws its noise itself, as those of large networks do."""
    usual = supply._LATE_BYTES, supply._PIECE
    supply._LATE_BYTES, supply._PIECE = 0, 64
    try:
        return moons(**options)
    finally:
        supply._LATE_BYTES, supply._PIECE = usual


SPIED = "batches", "restarts", "uneven restarts"  # compiled twice
WEIGHTS = np.linspace(0.0, 2.0, ROWS)
FITS = {
    "batches": (moons, {"steps": 250, "batch_size": PLACES}),
    "all rows": (moons, {"steps": 250, "weights": WEIGHTS}),
    "restarts": (moons, {"steps": 40, "batch_size": PLACES, "restarts": 4}),
    "uneven restarts": (moons, {"steps": 40, "restarts": 3}),
    "members": (moons, {"steps": 40, "batch_size": PLACES, "method": mf.Ensemble(4, "advi")}),
    "encoder": (amortised, {"steps": 40, "batch_size": PLACES}),
    "sampler": (moons, {"steps": 300, "batch_size": PLACES, "sampler": mf.UncertainRows(0.5, 250)}),
    "late noise": (drawn_late, {"steps": 40, "batch_size": PLACES}),
    "late noise, restarts": (drawn_late, {"steps": 40, "restarts": 4}),
    "late noise, members": (drawn_late, {"steps": 40, "method": mf.Ensemble(4, "advi")}),
    "start": (goes_on, {"steps": 40, "batch_size": PLACES, "restarts": 2}),
}


class Spy:
    """Counts what the compiled steps say to other devices."""

    def __init__(self) -> None:
        self._compiled, self.words = block._large, 0

    def __call__(self, *arguments: Any) -> Any:
        text = self._compiled.lower(*arguments).compile().as_text()
        self.words = len(SPEAKS.findall(text))
        return self._compiled(*arguments)


def main(type_of_numbers: str, *wanted: str) -> None:
    jax.config.update("jax_enable_x64", type_of_numbers == "float64")
    plain, spy = block._large, Spy()
    for name in wanted:
        fit, options = FITS[name]
        block._large = spy if name in SPIED else plain
        for devices in (None, 2, 4):
            spy.words = 0
            posterior = fit(devices=devices, **options)
            facts = posterior.diagnostics
            told = {
                "name": name, "devices": devices, "words": spy.words,
                "trace": posterior.elbo.tolist(), "elbo": facts.elbo, "error": facts.elbo_se,
            }  # fmt: skip
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
