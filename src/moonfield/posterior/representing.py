"""What a layer makes of rows under posterior draws."""

from typing import Any

import jax
import jax.numpy as jnp

from .._core.checks import whole
from ..diagnostics import Representations
from ..model import AbstractNetworkModel
from ..networks import check_layer
from ..predictive import LayerValues, Source, stack_draws


def representations(source: Source, inputs: Any, layer: str, draws: int) -> Representations:
    """See `Posterior.representations`."""
    whole(draws, "draws")
    model = source.model
    assert isinstance(model, AbstractNetworkModel)
    x = inputs["x"] if isinstance(inputs, dict) else inputs  # those of a hierarchical network
    row = jax.ShapeDtypeStruct(jnp.shape(x)[1:], jnp.result_type(float))
    check_layer(model.network, layer, row)
    return Representations(layer, stack_draws(source, LayerValues(layer), inputs, draws))


def check_has_layers(model: Any) -> None:
    """Raise `TypeError` unless a model is one of networks."""
    if not isinstance(model, AbstractNetworkModel):
        raise TypeError(f"Only networks have layers; this posterior is of {type(model).__name__}.")
