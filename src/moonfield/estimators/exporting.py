"""An estimator as a file that needs neither Moonfield nor scikit-learn to predict."""

import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core.keys import Stream, stream
from ..posterior import Ends, Wish, write_artefact_of
from ..predictive import Source, Units
from .encoder import LARGEST, Encoder


def export_estimator(estimator: Any, path: str | os.PathLike, wish: Wish) -> None:
    """See `export` of the estimators."""
    encoder, posterior = estimator.encoder_, estimator.posterior_
    names = getattr(estimator, "feature_names_in_", None)
    if encoder.categorical:
        place = encoder.categorical[0]
        shown = place if names is None else names[place]
        raise ValueError(
            f"Column {shown!r} is categorical, and an artefact takes numbers alone. Encode it "
            "before the fit, e.g. with sklearn.preprocessing.OneHotEncoder."
        )
    missing, units = estimator.missing == "indicator", getattr(estimator, "units_", None)
    ends = Ends(
        lambda rows: _encoded(encoder, missing, rows),
        lambda fields: fields if units is None else _in_units(units, fields),
    )
    about = {
        "columns": None if names is None else names.tolist(),
        "target": estimator.target_name_,
        "classes": estimator.classes_.tolist() if hasattr(estimator, "classes_") else None,
    }
    source = Source(posterior.model, posterior.approximation, stream(wish.seed, Stream.draws))
    like = np.zeros((1, estimator.n_features_in_), np.float32)
    write_artefact_of(path, source, like, wish, about, ends)


def _encoded(
    encoder: Encoder, missing: bool, rows: Float[Array, "rows features"]
) -> Float[Array, "rows inputs"]:
    """What `Encoder.encode` makes of columns of numbers, in float32; NaN only where allowed."""
    centre, sd = (jnp.asarray(scale, jnp.float32) for scale in encoder.scales)
    indicated = np.array(encoder.indicated, int)

    def one(row: Float[Array, " features"]) -> Float[Array, " inputs"]:
        scaled = jnp.clip((row - centre) / sd, -LARGEST, LARGEST)
        if not missing:
            return scaled
        absent = jnp.isnan(row)
        indicators = absent[indicated].astype(row.dtype)
        return jnp.concatenate([jnp.where(absent, 0.0, scaled), indicators])

    return jax.vmap(one)(rows)


def _in_units(units: Units, fields: dict[str, Array]) -> dict[str, Array]:
    """Fields of standardised targets in units of y, in float32."""
    shift, scale = (jnp.asarray(part, jnp.float32) for part in units)

    def one(row: dict[str, Array]) -> dict[str, Array]:
        spread = {name: scale * values for name, values in row.items()}
        return {**spread, "mean": shift + spread["mean"]}

    return jax.vmap(one)(fields)
