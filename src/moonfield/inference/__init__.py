"""Inference: methods, the compiled loop, stopping."""

from .advi import ADVI
from .asvgd import ASVGD
from .automatic import Automatic
from .chains import MCLMC, NUTS, SGHMC
from .dadvi import DADVI
from .devices import Devices, as_devices, devices_for
from .driver import Driver, Raw, Sampling
from .ensemble import Ensemble
from .gradient_noise import GradientNoise, gradient_noise
from .importance_sampling import ImportanceSampling
from .ivon import IVON
from .keeping import begun, go_on
from .laplace import Laplace
from .map import MAP
from .method import AbstractDirect, AbstractMethod, AbstractStepping, Outcome, StepInfo
from .methods import AUTO, METHODS, as_method
from .pathfinder import Pathfinder
from .placing import placed
from .processes import OwnRows, check_same, check_same_step
from .snapshot import Snapshot
from .stopping import FixedSteps
from .svgd import SVGD
from .target import Target

__all__ = [
    "ADVI",
    "ASVGD",
    "AUTO",
    "DADVI",
    "IVON",
    "MAP",
    "MCLMC",
    "METHODS",
    "NUTS",
    "SGHMC",
    "SVGD",
    "AbstractDirect",
    "AbstractMethod",
    "AbstractStepping",
    "Automatic",
    "Devices",
    "Driver",
    "Ensemble",
    "FixedSteps",
    "GradientNoise",
    "ImportanceSampling",
    "Laplace",
    "Outcome",
    "OwnRows",
    "Pathfinder",
    "Raw",
    "Sampling",
    "Snapshot",
    "StepInfo",
    "Target",
    "as_devices",
    "as_method",
    "begun",
    "check_same",
    "check_same_step",
    "devices_for",
    "go_on",
    "gradient_noise",
    "placed",
]
