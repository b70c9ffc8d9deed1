"""A posterior to a file."""

import os
from typing import Any

import numpy as np

from ..io import (
    Part,
    describe_approximation,
    describe_coordinates,
    describe_expansion,
    describe_model,
    gather,
    write_file,
)

KIND = "posterior"


def save(posterior: Any, path: str | os.PathLike) -> None:
    """Write a posterior to one file: model, approximation, ELBO, diagnostics, columns; no data.

    Raises:
        TypeError: the posterior's approximation or family is in none of the tables of files.
        OSError: the file system refuses; an old file is left as it was.
    """
    part = describe_posterior(posterior)
    write_file(path, {**part.facts, "kind": KIND}, part.tensors)


def describe_posterior(posterior: Any) -> Part:
    """A posterior as a part; `TypeError` as `save`."""
    children = {
        "model": describe_model(posterior.model),
        "approximation": describe_approximation(posterior.approximation),
        "expansion": describe_expansion(posterior.model),
        "coordinates": describe_coordinates(posterior.model),
    }
    columns = None if posterior.columns is None else list(posterior.columns)
    part = gather(children, diagnostics=posterior.diagnostics.to_dict(), columns=columns)
    return Part(part.facts, {**part.tensors, "elbo": np.asarray(posterior.elbo)})
