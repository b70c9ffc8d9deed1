"""Nothing public escapes the contract."""

import inspect
from types import ModuleType

import pytest

import moonfield as mf
from moonfield.families import FAMILIES as NAMED_IN_FILES

from .registry import FAMILIES, LIKELIHOODS, OBJECTIVES, PRIORS

REGISTRIES = [
    (mf.families, mf.families.AbstractFamily, FAMILIES),
    (mf.objectives, mf.objectives.AbstractObjective, OBJECTIVES),
    (mf.likelihoods, mf.likelihoods.AbstractLikelihood, LIKELIHOODS),
    (mf.priors, mf.priors.AbstractPrior, PRIORS),
]


def finals(module: ModuleType, abstract: type) -> set[str]:
    """Public final implementations of an interface."""
    public = {name: getattr(module, name) for name in module.__all__}
    return {
        name
        for name, kind in public.items()
        if inspect.isclass(kind) and issubclass(kind, abstract) and kind is not abstract
    }


@pytest.mark.parametrize(("module", "abstract", "registry"), REGISTRIES)
def test_every_public_class_is_registered(
    module: ModuleType, abstract: type, registry: dict
) -> None:
    assert finals(module, abstract) == {name.split("-")[0] for name in registry}


@pytest.mark.parametrize(("module", "abstract", "registry"), REGISTRIES)
def test_every_class_is_final(module: ModuleType, abstract: type, registry: dict) -> None:
    for name in finals(module, abstract):
        assert getattr(module, name).__mro__[1] is abstract


def test_every_family_can_be_named_in_a_file() -> None:
    assert {name: getattr(mf.families, name) for name in FAMILIES} == NAMED_IN_FILES
