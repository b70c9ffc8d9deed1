"""`moonfield info` and `moonfield methods`: what a model file holds; which methods there are."""

import math
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from .._core.results import Result
from ..estimators import BayesianMLPClassifier
from ..inference import AUTO, METHODS
from ..io import Document, read_file, reading
from .errors import BadInput
from .say import Voice

_TASKS = {"BayesianMLPClassifier": "classes", "BayesianMLPRegressor": "numbers"}


def run_info(path: Path, voice: Voice) -> None:
    """Say what is in a model file, from its header: nothing is rebuilt or compiled.

    Raises:
        FileFormatError: it is not one of Moonfield's, or damaged.
        BadInput: there is no such file.
    """
    if not path.is_file():
        raise BadInput(f"{path}: there is no such file.")
    document = read_file(path)
    with reading(path):
        facts = facts_of(document)
    width = max(map(len, facts))
    for name, value in facts.items():
        voice.say(f"{name:<{width}}  {value if name == 'seed' else _spoken(value)}")
    voice.document({"file": str(path), **facts})


def facts_of(document: Document) -> dict[str, Any]:
    """What a file says of its model and of the fit, by name."""
    content = document.content
    estimator = content["kind"] == "estimator"
    posterior = content["posterior"] if estimator else content
    seed = content["arguments"]["random_state"] if estimator else posterior["diagnostics"]["seed"]
    return {
        "kind": content["type"] if estimator else "Posterior",
        **(_of_estimator(content) if estimator else _of_posterior(content)),
        **_of_model(posterior["model"]),
        **_of_fit(posterior["diagnostics"]),
        "seed": seed,
        "versions": document.versions,
    }


def _of_estimator(content: dict[str, Any]) -> dict[str, Any]:
    names = content["names"]
    return {
        "task": _TASKS[content["type"]],
        "target": content["target_name"],
        "classes": content["targets"].get("labels"),
        "features": content["features"] if names is None else names,
        "missing": content["arguments"]["missing"],
        "draws": content["arguments"]["draws"],
    }


def _of_posterior(content: dict[str, Any]) -> dict[str, Any]:
    return {"features": content["columns"]}


def _of_model(described: dict[str, Any]) -> dict[str, Any]:
    shapes = dict(described["parameters"])
    found = {
        "model": described["type"],
        "parameters": sum(math.prod(shape) for shape in shapes.values()),
    }
    arguments = described.get("arguments") or {}
    for name in ("network", "prior", "likelihood"):
        part, known = arguments.get(name), (described.get("classes") or {}).get(name)
        if part or known:
            found[name] = _PARTS[name](part) if part else f"{known} (not in the file)"
    return found


def _network(part: dict[str, Any]) -> str:
    sizes = "-".join(map(str, part.get("sizes", [])))
    bias = "" if part.get("bias", True) else ", no biases"
    return f"{part['type']} {sizes}, {part['activation']}{bias}" if sizes else part["type"]


def _prior(part: dict[str, Any]) -> str:
    if "patterns" not in part:
        return part["type"]
    kinds = (entry["type"] for _, entry in sorted(part["entries"].items(), key=_numbered))
    return ", ".join(f"{p}: {kind}" for p, kind in zip(part["patterns"], kinds, strict=True))


def _numbered(item: tuple[str, Any]) -> int:
    return int(item[0])


def _likelihood(part: dict[str, Any]) -> str:
    noise = part.get("sd")
    return f"{part['type']}, sd {noise['is']}" if isinstance(noise, dict) else part["type"]


_PARTS = {"network": _network, "prior": _prior, "likelihood": _likelihood}


def _of_fit(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "method": facts["method"],
        "rows": facts["rows"],
        "batch_size": facts["batch_size"],
        "steps": facts["steps"] + facts["steps_before"],
        "quantity": facts["quantity"],
        "elbo": facts["elbo"],
        "elbo_se": facts["elbo_se"],
        "result": facts["result"],
        "message": Result[facts["result"]].message,
        "seconds": facts["compile_seconds"] + facts["run_seconds"],
    }


def _spoken(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    if isinstance(value, list):
        shown = ", ".join(map(str, value[:20])) + (", ..." if len(value) > 20 else "")
        return f"{len(value)}: {shown}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if type(value) is int else str(value)


def run_methods(voice: Voice) -> None:
    """Say which methods there are, and when to take each."""
    voice.document([{"method": name, "when": choice.when} for name, choice in METHODS.items()])
    if not voice.talks:
        return
    table = Table("--method", "what it is, and when to take it", header_style="bold")
    table.add_row("auto", _automatic())
    for name, choice in METHODS.items():
        table.add_row(name, choice.when)
    Console(highlight=False).print(table)


def _automatic() -> str:
    members = BayesianMLPClassifier.members
    first = ", ".join(dict.fromkeys(rule.method for rule in AUTO))
    return (
        f"for tables laplace (numbers; ivon where they are large), ivon {members} times over "
        f"(classes); in Python the first of {first}"
    )
