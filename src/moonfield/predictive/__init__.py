"""Prediction: streams of posterior draws in constant memory."""

from ..model import set_prior_predictive
from .prediction import Prediction, checked_prediction
from .prior import PriorDraws, prior_predictive
from .reducers import AbstractQuantity, AbstractReducer, Mapped, RowLogLikelihood
from .stream import Source, reduce_rows, stack_draws

set_prior_predictive(prior_predictive)

__all__ = [
    "AbstractQuantity",
    "AbstractReducer",
    "Mapped",
    "Prediction",
    "PriorDraws",
    "RowLogLikelihood",
    "Source",
    "checked_prediction",
    "prior_predictive",
    "reduce_rows",
    "stack_draws",
]
