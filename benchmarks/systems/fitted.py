"""What every system's program on the reference posteriors does alike: NAME METHOD OUT."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from posteriors import CASES, load


def errors(name: str, samples: dict) -> dict[str, float]:
    """Worst |mean - reference| / reference sd and worst |log(sd / reference sd)|."""
    _, mean, sd = load(name)
    draws = np.asarray(CASES[name].columns(samples), np.float64)
    return {
        "mean_error": float(np.max(np.abs(draws.mean(axis=1) - mean) / sd)),
        "sd_error": float(np.max(np.abs(np.log(draws.std(axis=1, ddof=1) / sd)))),
    }


def main(arguments: list[str], run: Callable[[str, str], Any]) -> None:
    """Run one method on one posterior; what goes wrong is a result, too."""
    name, method, out = arguments
    try:
        result = run(name, method)
    except Exception as error:
        result = {"failed": f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"}
    Path(out).write_text(json.dumps(result))
