"""Prediction: streams of posterior draws in constant memory."""

from ..model import set_prior_predictive
from .layer_values import LayerValues
from .pointwise import pointwise, program_sites, row_elbo
from .prediction import Prediction, checked_prediction
from .prior import PriorDraws, prior_predictive
from .reducers import AbstractQuantity, AbstractReducer, Mapped, RowLogLikelihood
from .serving import fields, freeze
from .stream import Source, reduce_rows, stack_draws
from .units import Units

set_prior_predictive(prior_predictive)

__all__ = [
    "AbstractQuantity",
    "AbstractReducer",
    "LayerValues",
    "Mapped",
    "Prediction",
    "PriorDraws",
    "RowLogLikelihood",
    "Source",
    "Units",
    "checked_prediction",
    "fields",
    "freeze",
    "pointwise",
    "prior_predictive",
    "program_sites",
    "reduce_rows",
    "row_elbo",
    "stack_draws",
]
