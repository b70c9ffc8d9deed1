"""Models as parts, and back."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from .._core.trees import default_float, named_leaves
from ..model import (
    AbstractBoundProgram,
    AbstractModel,
    BayesianNetwork,
    Coordinates,
    space,
)
from ..networks import Modes
from .groups import build_groups, describe_groups
from .likelihoods import build_likelihood, describe_likelihood
from .networks import build_network, describe_network
from .part import Part, gather
from .priors import build_prior, describe_prior
from .programs import describe_program
from .registry import MODELS, find

_DESCRIBE = {
    "network": describe_network,
    "prior": describe_prior,
    "likelihood": describe_likelihood,
    "groups": describe_groups,
    "bayesian": lambda patterns: Part({"patterns": patterns and list(patterns)}, {}),
}
_BUILD = {
    "prior": build_prior,
    "likelihood": build_likelihood,
    "groups": build_groups,
    "bayesian": lambda part: _patterns(part.facts["patterns"]),
}


def describe_model(model: AbstractModel) -> Part:
    """What can be described of a model, and always the paths and shapes of its parameters."""
    name = type(model).__name__
    if isinstance(model, AbstractBoundProgram):
        children = {"arguments": Part({}, {}), "program": describe_program(model)}
        return gather(children, type=name, classes={}, parameters=_shapes(model))
    cls, arguments = MODELS.get(name, (None, ()))
    if cls is not type(model):
        arguments = ()
    values = {argument: getattr(model, argument) for argument in arguments}
    parts = {argument: _DESCRIBE[argument](value) for argument, value in values.items()}
    classes = {argument: type(value).__name__ for argument, value in values.items()}
    return gather(
        {"arguments": gather(parts)}, type=name, classes=classes, parameters=_shapes(model)
    )


def undescribed(part: Part) -> list[str]:
    """What of a model a file cannot rebuild, in words: arguments, or the model itself."""
    arguments = part.facts["arguments"]
    if not arguments:
        return [f"the model ({part.facts['type']})"]
    classes = part.facts["classes"]
    return [f"the {name} ({classes[name]})" for name, facts in arguments.items() if facts is None]


def build_model(part: Part, numbers: int) -> AbstractModel:
    """The model of a part without undescribed arguments, for a file that holds this many numbers.

    Raises:
        ValueError: the description is not consistent.
    """
    cls, names = find(MODELS, part.facts["type"], "model")
    arguments = part.known_child("arguments")
    others = {
        name: _BUILD[name](arguments.known_child(name))
        for name in names[1:]
        if name in arguments.facts or name != "bayesian"  # which older files have not
    }
    model = cls(network=build_network(arguments.known_child("network"), numbers), **others)
    if _shapes(model) != part.facts["parameters"]:
        raise ValueError("its parameters do not have the shapes that its model gives them")
    return model


def _patterns(value: Any) -> list[str] | None:
    if value is None or (isinstance(value, list) and all(isinstance(it, str) for it in value)):
        return value
    raise ValueError(f"its Bayesian part is {value!r}")


def describe_expansion(model: AbstractModel) -> Part | None:
    """The weights about which a network is expanded; None for all other models."""
    if not isinstance(model, BayesianNetwork) or model.expansion is None:
        return None
    leaves = named_leaves(model.expansion)
    return Part({}, {path: np.asarray(leaf) for path, leaf in leaves.items()})


def build_expansion(part: Part, model: AbstractModel) -> AbstractModel:
    """The model expanded about the weights of a part.

    Raises:
        ValueError: the model is no network, or its weights have other shapes.
    """
    if not isinstance(model, BayesianNetwork):
        raise ValueError("it expands a model that is no network")
    if not any(path.startswith("modes.") for path in part.tensors):
        return model.linearised(_weights(part, model, "", ()))
    count, directions = _several(part)
    modes = _weights(part, model, "modes.", (count,))
    return model.linearised(Modes(modes, _weights(part, model, "directions.", (count, directions))))


def _several(part: Part) -> tuple[int, int]:
    """How many modes, and directions of each."""
    unknown = [path for path in part.tensors if not path.startswith(("modes.", "directions."))]
    if unknown:
        raise ValueError(f"its expansion has {unknown} beside modes and directions")
    shapes = [array.shape for path, array in part.tensors.items() if path.startswith("directions.")]
    if not shapes or len(shapes[0]) < 2 or 0 in shapes[0]:
        raise ValueError("its expansion has modes without directions")
    return shapes[0][0], shapes[0][1]


def _weights(part: Part, model: BayesianNetwork, prefix: str, first: tuple[int, ...]) -> PyTree:
    """A tree like the weights, each leaf with these first axes."""
    shapes = {path: leaf.shape for path, leaf in named_leaves(model.shapes).items()}
    wanted = {prefix + path: (*first, *shape) for path, shape in shapes.items()}
    own = {path: array for path, array in part.tensors.items() if path.startswith(prefix)}
    found = {path: array.shape for path, array in own.items()}
    if wanted != found:
        raise ValueError(f"its expansion has weights of shapes {found} instead of {wanted}")
    leaves, treedef = jax.tree.flatten(model.shapes)
    arrays = [
        jnp.asarray(part.number(path).astype(leaf.dtype))
        for path, leaf in zip(wanted, leaves, strict=True)
    ]
    return jax.tree.unflatten(treedef, arrays)


def describe_coordinates(model: AbstractModel) -> Part | None:
    """What a program's unconstrained vector is measured in; None where in its own numbers."""
    if model.coordinates is None:
        return None
    centre, factor = map(np.asarray, model.coordinates)
    return Part({}, {"centre": centre, "factor": factor})


def build_coordinates(part: Part, model: AbstractModel) -> AbstractModel:
    """The model in the coordinates of a part.

    Raises:
        ValueError: the model is no program, or they are not of its size.
    """
    if not isinstance(model, AbstractBoundProgram):
        raise ValueError("it has coordinates for a model that is no program")
    size = space(model).size
    centre, factor = part.number("centre"), part.number("factor")
    if centre.shape != (size,) or factor.shape not in ((size,), (size, size)):
        raise ValueError(f"its coordinates are not those of {size} numbers")
    dtype = default_float()
    return model.within(Coordinates(jnp.asarray(centre, dtype), jnp.asarray(factor, dtype)))


def difference(saved: Part, given: Part) -> str | None:
    """What makes a given model another than the saved one, in words; None where nothing is known.

    Compared are the kind of model, the paths and shapes of its parameters, and whatever of network,
    prior and likelihood the file describes.
    """
    if given.facts["type"] != saved.facts["type"]:
        return f"it is a {given.facts['type']}, the saved one a {saved.facts['type']}"
    shapes = _shape_difference(dict(saved.facts["parameters"]), dict(given.facts["parameters"]))
    if shapes is not None:
        return shapes
    before, now = saved.known_child("arguments"), given.known_child("arguments")
    for name in before.facts:
        known, mine = before.child(name), now.child(name)
        if known is not None and (mine is None or not _same(known, mine)):
            return f"its {name} is not the saved one, which has {_text(known)}"
    return None


def _shapes(model: AbstractModel) -> list[list[Any]]:
    """[path, shape] of every parameter."""
    params = jax.eval_shape(model.init, jax.random.key(0))
    return [[path, list(leaf.shape)] for path, leaf in named_leaves(params).items()]


def _shape_difference(saved: dict[str, list[int]], given: dict[str, list[int]]) -> str | None:
    for path in [*saved, *given]:
        name = path.removeprefix("network.")
        if path not in given:
            return f"it has no parameter {name}, which the saved one has"
        if path not in saved:
            return f"it has a parameter {name}, which the saved one has not"
        if given[path] != saved[path]:
            return f"{name} has shape {tuple(given[path])}, in the saved one {tuple(saved[path])}"
    return None


def _same(saved: Part, given: Part) -> bool:
    """Equal facts, and equal numbers in the coarser of both precisions."""
    if saved.facts != given.facts or saved.tensors.keys() != given.tensors.keys():
        return False
    return all(_equal(array, given.tensors[name]) for name, array in saved.tensors.items())


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    coarser = min(a.dtype, b.dtype, key=lambda dtype: dtype.itemsize)
    return np.array_equal(a.astype(coarser), b.astype(coarser), equal_nan=True)


def _text(part: Part) -> str:
    """Facts and numbers on one line."""
    numbers = {name: array.tolist() for name, array in part.tensors.items() if array.size == 1}
    return ", ".join(f"{key} {value}" for key, value in {**part.facts, **numbers}.items())
