"""Compiled predictions in a file that NumPy and JAX read alone.

The file is an `.npz`: `program`, the bytes of `jax.export` (StableHLO); `draws`, its first
argument, float32; `about`, JSON. Nothing in it is a pickle or names the machine that wrote it. It
loads in ten lines:

    import json

    import jax
    import numpy as np
    from jax import export


    def load(path):
        with np.load(path) as file:
            call = jax.jit(export.deserialize(bytearray(file["program"])).call)
            draws = jax.device_put(file["draws"])
            return (lambda rows: call(draws, rows)), json.loads(str(file["about"]))
"""

import dataclasses
import importlib.util
import json
import os
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax import export
from jax.extend.mlir import ir, passmanager, serialize_portable_artifact
from jax.extend.mlir.dialects import chlo, stablehlo
from jaxtyping import PyTree

from .._core.files import replacing

VERSION = 1
PLATFORMS = ("cpu", "cuda", "tpu")


def check_can_export() -> None:
    """Raise `ImportError` where JAX lacks what it writes programs with."""
    if importlib.util.find_spec("flatbuffers") is None:
        raise ImportError(
            "Exporting needs flatbuffers, and so does loading what was exported: "
            "pip install 'moonfield[export]'."
        )


def compiled(
    function: Any, arguments: tuple[PyTree, ...], platforms: Sequence[str]
) -> export.Exported:
    """`function` of these shapes as StableHLO for these platforms.

    Raises:
        ValueError: it holds an operation that JAX does not export, or needs numbers where shapes
            have a symbol.
    """
    try:
        return export.export(jax.jit(function), platforms=tuple(platforms))(*arguments)
    except (TypeError, ValueError, IndexError, NotImplementedError) as error:
        symbolic = any(export.is_symbolic_dim(size) for size in _sizes(arguments))
        remedy = "Give rows=, the number of rows of every call. " if symbolic else ""
        raise ValueError(
            f"JAX cannot export the predictions of this model. {remedy}"
            f"({type(error).__name__}: {_first_line(error)})"
        ) from error


def write_artefact(
    path: str | os.PathLike, exported: export.Exported, draws: np.ndarray, about: dict[str, Any]
) -> None:
    """Write one file; `OSError` where the file system refuses, an old file is left as it was."""
    program = dataclasses.replace(exported, mlir_module_serialized=_without_places(exported))
    with replacing(path) as file:
        np.savez(
            file,
            about=np.array(json.dumps({"version": VERSION, **about})),
            program=np.frombuffer(program.serialize(), np.uint8),
            draws=draws,
        )


def _without_places(exported: export.Exported) -> bytes:
    """The module without the paths and lines of the source that it came from."""
    with ir.Context() as context, ir.Location.unknown():
        context.allow_unregistered_dialects = True
        stablehlo.register_dialect(context)
        chlo.register_dialect(context)
        module = stablehlo.deserialize_portable_artifact(context, exported.mlir_module_serialized)
        passes = passmanager.PassManager.parse("builtin.module(strip-debuginfo)")
        passes.run(module.operation)
        month = stablehlo.StablehloCompatibilityRequirement.WEEK_4  # as JAX itself
        version = stablehlo.get_version_from_compatibility_requirement(month)
        return serialize_portable_artifact(module, version)


def _sizes(arguments: PyTree) -> list[Any]:
    return [size for leaf in jax.tree.leaves(arguments) for size in leaf.shape]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
