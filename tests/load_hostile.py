"""Load files and say what came of each, under a limit of memory and the eyes of an audit hook.

    python -m tests.load_hostile FOLDER < names > results

First every `good-*` file of the folder is loaded, so that whatever loads late has been imported.
Then each file that is named on standard input; a line of JSON says how that ended. Runs in a
process of its own, without the test suite's checks of types, which themselves compile code.
"""

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpyro
import numpyro.distributions as dist

import moonfield as mf
from moonfield.io import read_file

_HARMLESS = {"builtins.id", "object.__getattr__", "sys._getframe"}
_MEMORY = 512 * 2**20  # what a process may take beyond what the good files needed, bytes


def line(x: Any, y: Any = None, scale: float = 1.0) -> None:
    """A program: a line through the origin."""
    slope = numpyro.sample("slope", dist.Normal(0.0, scale))
    with numpyro.plate("rows", len(x)):
        numpyro.sample("y", dist.Normal(slope * x, 1.0), obs=y)


class Watch:
    """An audit hook: what happened, but for reading one file and what tells nothing."""

    def __init__(self):
        self.path: str | None = None
        self.events: list[str] = []
        files = [getattr(module, "__file__", None) for module in tuple(sys.modules.values())]
        self.sources = {(file, "r") for file in files}  # which tracebacks show
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple) -> None:
        if self.path is None or event in _HARMLESS:
            return
        if event == "open" and arguments[:2] in self.sources | {(self.path, "r")}:
            return
        self.events.append(f"{event} {arguments!r}"[:200])


def limit_memory() -> None:
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + _MEMORY, now + _MEMORY))


def outcome(watch: Watch, loader: Callable[[str], Any], path: str) -> dict[str, Any]:
    """How loading a file ended: its error or the class of what it holds; events; seconds."""
    begun = time.perf_counter()
    watch.path, watch.events, found = path, [], None
    try:
        found = loader(path)
        result = {"loaded": type(found).__name__}
    except BaseException as error:  # a panic of a library is no Exception
        result = {"error": type(error).__name__, "message": str(error)}
    watch.path = None
    result |= {"events": watch.events, "seconds": time.perf_counter() - begun}
    result["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # the most ever, KiB
    return result


def contents(path: str) -> Any:
    document = read_file(path)
    arrays = {k: (v.dtype.name, v.shape, v.tobytes()) for k, v in document.tensors.items()}
    return document.content, arrays


def main() -> None:
    folder = Path(sys.argv[1])
    loaders = {
        "posterior": mf.load,
        "regressor": mf.BayesianMLPRegressor.load,
        "classifier": mf.BayesianMLPClassifier.load,
        "program": lambda path: mf.load(path, model=mf.Program(line)),
    }
    warnings.simplefilter("ignore")
    good = {path.name: str(path) for path in sorted(folder.glob("good-*"))}
    for name, path in good.items():
        loaders[name.split("-")[1]](path)
    same = {name: contents(path) for name, path in good.items()}
    watch = Watch()
    limit_memory()
    for task in sys.stdin:
        name, origin = task.split()
        path = str(folder / name)
        loader = loaders[origin.split("-")[1]]
        result = outcome(watch, loader, path)
        if "loaded" in result:
            result["same"] = contents(path) == same[origin]
        print(json.dumps({"name": name, **result}), flush=True)


if __name__ == "__main__":
    main()
