"""What was chosen, by name."""

from typing import Any

from .evaluation import Evaluation


def settings_of(evaluation: Evaluation) -> dict[str, str]:
    """Of the model, the fit and the report."""
    posterior, options = evaluation.subject.posterior, evaluation.options
    facts, model = posterior.diagnostics, posterior.model.describe()
    batch = "all" if facts.batch_size is None else f"{facts.batch_size:,}"
    seconds = facts.compile_seconds + facts.run_seconds
    looked_at = f"{evaluation.rows.count:,} of {evaluation.total:,}"
    return {
        "model": evaluation.subject.name,
        "weights": _weights(model),
        "priors": ", ".join(dict.fromkeys(prior for _, _, prior in model["weights"])),
        "likelihood": model["likelihood"],
        "method": facts.method,
        "steps": f"{facts.steps_in_all:,}",
        "rows of the fit": f"{facts.rows:,}",
        "rows per step": batch,
        "seed of the fit": f"{facts.seed}",
        "time of the fit": f"{seconds:.1f} s",
        **_parameters(evaluation.subject.estimator),
        "rows of the report": looked_at,
        "posterior draws of the report": f"{options.draws:,}",
        "level of intervals": f"{options.level:.0%}",
        "seed of the report": f"{options.seed}",
    }


def _weights(model: dict[str, Any]) -> str:
    shapes = ", ".join(f"{path} {shape}" for path, shape, _ in model["weights"])
    return f"{model['size']:,}: {shapes}"


def _parameters(estimator: Any) -> dict[str, str]:
    """An estimator's arguments that are not as they come."""
    if estimator is None:
        return {}
    plain = type(estimator)().get_params()
    given = {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        if repr(value) != repr(plain.get(name))
    }
    chosen = ", ".join(f"{name}={value!r}" for name, value in given.items())
    return {"arguments": chosen or "none but the defaults"}
