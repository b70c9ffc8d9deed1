"""The outputs of one layer of a network."""

from typing import cast

import equinox as eqx
import jax
from jaxtyping import Array, PyTree

from ..model import AbstractModel, AbstractNetworkModel
from ..networks import layer_output
from .reducers import AbstractQuantity


class LayerValues(AbstractQuantity):
    """The output of the layer at a path, for every row."""

    layer: str = eqx.field(static=True)

    def one(
        self, model: AbstractModel, params: PyTree, inputs: PyTree, extra: Array, draw: Array
    ) -> Array:
        network = cast(AbstractNetworkModel, model).with_params(params)
        return jax.vmap(layer_output(network, self.layer))(inputs)  # pyright: ignore
