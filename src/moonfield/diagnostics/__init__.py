"""Diagnostics: whether an approximation is to be trusted, and how good its predictions are."""

from .baseline import Marginal, class_baseline, number_baseline
from .calibration import Calibration, sbc
from .chance import ece_by_chance
from .check import check_approximation, check_chains, is_clear
from .class_probabilities import ClassProbabilities
from .comparison import Comparison, compare
from .conformal import Conformal, ConformalIntervals
from .coverage_curve import coverage_curve
from .function_space import Check, check_predictions, disagreement
from .inclusion import Inclusion, gated_paths, inclusion
from .intervals import coverage, sharpness
from .isotonic import IsotonicQuantiles, RecalibratedNumbers
from .khat import Importance, importance
from .pit import pit
from .predicted import Predicted
from .ranking import auroc_of_errors, auroc_of_outliers
from .relevance import Relevance, relevance
from .reliability import ReliabilityCurve, ece, reliability
from .representations import Representations, cka
from .risk_coverage import RiskCoverage, risk_coverage
from .scores import Score, accuracy, brier, crps, log_score, r2, rmse
from .temperature import Temperature

__all__ = [
    "Calibration",
    "Check",
    "ClassProbabilities",
    "Comparison",
    "Conformal",
    "ConformalIntervals",
    "Importance",
    "Inclusion",
    "IsotonicQuantiles",
    "Marginal",
    "Predicted",
    "RecalibratedNumbers",
    "Relevance",
    "ReliabilityCurve",
    "Representations",
    "RiskCoverage",
    "Score",
    "Temperature",
    "accuracy",
    "auroc_of_errors",
    "auroc_of_outliers",
    "brier",
    "check_approximation",
    "check_chains",
    "check_predictions",
    "cka",
    "class_baseline",
    "compare",
    "coverage",
    "coverage_curve",
    "crps",
    "disagreement",
    "ece",
    "ece_by_chance",
    "gated_paths",
    "importance",
    "inclusion",
    "is_clear",
    "log_score",
    "number_baseline",
    "pit",
    "r2",
    "relevance",
    "reliability",
    "risk_coverage",
    "rmse",
    "sbc",
    "sharpness",
]
