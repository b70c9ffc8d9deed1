"""Which Flax modules can be networks."""

from typing import Any

from flax import nnx

_AT_REST = "call module.eval() before, so that it is at rest"


def check_module(module: Any) -> None:
    """Raise unless a module is a function of a row: callable, no Dropout, no BatchNorm in training.

    Raises:
        TypeError: not a callable `nnx.Module`.
        ValueError: it has such a layer; the message names its path and a remedy.
    """
    if isinstance(module, type) or not isinstance(module, nnx.Module) or not callable(module):
        raise TypeError(
            "module must be a callable flax.nnx.Module, e.g. nnx.Sequential(...), got "
            f"{module.__name__ if isinstance(module, type) else type(module).__name__}."
        )
    for path, layer in nnx.iter_modules(module):
        name = ".".join(map(str, path)) or "The module"
        if isinstance(layer, nnx.BatchNorm) and not layer.use_running_average:
            raise ValueError(
                f"{name} is a BatchNorm, which keeps state across rows. Use a layer without "
                "cross-row state, e.g. nnx.LayerNorm or nnx.GroupNorm; or, where its averages are "
                f"known from earlier training, {_AT_REST}."
            )
        if isinstance(layer, nnx.Dropout) and layer.rate and not layer.deterministic:
            raise ValueError(
                f"{name} is a Dropout, which has its own randomness. Remove it: the posterior over "
                f"the weights is the regulariser; or {_AT_REST}."
            )


def check_unchanged(before: dict, after: dict, harmless: frozenset) -> None:
    """Raise `ValueError` where a call changed a variable, those of `harmless` paths left out."""
    for path, value in before.items():
        if path not in harmless and after.get(path) is not value:
            raise ValueError(
                f"The module changes {'.'.join(map(str, path))} when it is called: it keeps state "
                "or draws random numbers, so that it is no function of a row and its weights. "
                "Remove that layer, or call module.eval() before."
            )


def output_of_one(output: Any, batched: bool) -> Any:
    """What a module puts out for one row.

    Raises:
        ValueError: another shape than a batch of one row must have.
    """
    shape = getattr(output, "shape", None)
    if shape is None:
        raise ValueError(
            f"The module must put out one array, got {type(output).__name__}. Wrap it in a module "
            "that picks one."
        )
    if not batched:
        return output
    if len(shape) not in (1, 2) or shape[0] != 1:
        raise ValueError(
            f"For a batch of one row the module must put out an array (1, outputs), got {shape}. "
            "If it is written for single rows, use mf.interop.flax.network(module, batched=False)."
        )
    return output[0]
