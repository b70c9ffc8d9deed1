"""The one table of methods: what `method="..."` means, and what `"auto"` chooses."""

import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx

from ..families import (
    AdaptiveDepth,
    Flow,
    FullRank,
    LowRank,
    MeanField,
    Mixture,
    Partial,
    has_depth,
)
from ..model import AbstractModel, Space, space
from ..objectives import AnalyticKL, KernelStein, Reparameterised, StickingTheLanding, Tempered
from .advi import ADVI
from .asvgd import ASVGD
from .chains import MCLMC, NUTS, SGHMC
from .dadvi import DADVI
from .ensemble import Ensemble
from .importance_sampling import ImportanceSampling
from .ivon import IVON
from .laplace import Laplace
from .map import MAP
from .method import AbstractMethod
from .pathfinder import Pathfinder
from .point import Point
from .svgd import SVGD


class Choice(NamedTuple):
    """A method that has a name."""

    make: Callable[[], AbstractMethod]
    when: str  # one line: what it is, and when to take it


METHODS: dict[str, Choice] = {
    "advi": Choice(ADVI, "a normal for each weight; any size, any number of rows"),
    "fullrank_advi": Choice(
        partial(ADVI, FullRank()), "one normal with all correlations; up to a few hundred numbers"
    ),
    "lowrank_advi": Choice(
        partial(ADVI, LowRank()), "a normal with the strongest correlations; networks"
    ),
    "flow_advi": Choice(
        partial(ADVI, Flow()), "a normalising flow; small programs whose posterior is not normal"
    ),
    "mixture_advi": Choice(
        partial(ADVI, Mixture()), "a mixture of normals; small models of several modes"
    ),
    "importance": Choice(
        ImportanceSampling, "independent draws, weighted, else chains; small programs"
    ),
    "ivon": Choice(IVON, "a normal for each weight by natural gradients; larger networks"),
    "ensemble": Choice(Ensemble, "fits from several starts; networks, whose modes are many"),
    "svgd": Choice(SVGD, "particles that repel one another; small models"),
    "asvgd": Choice(ASVGD, "a network that draws as svgd would; small models, many draws wanted"),
    "dadvi": Choice(DADVI, "advi with fixed noise, no step size; small models, exact covariances"),
    "laplace": Choice(Laplace, "a normal at the mode from its curvature; a cheap first answer"),
    "map": Choice(MAP, "the mode alone, without uncertainty; a baseline"),
    "mclmc": Choice(MCLMC, "a chain at constant energy; programs of many numbers"),
    "nuts": Choice(NUTS, "chains; small programs, and the reference for all others"),
    "pathfinder": Choice(
        Pathfinder, "normals along the way to the mode; seconds for a program, starts for chains"
    ),
    "sghmc": Choice(SGHMC, "a chain with friction, without rejections: rough, and never stuck"),
}


class Rule(NamedTuple):
    """When `"auto"` chooses a method. A number None sets no limit."""

    method: str
    identified: bool  # for models whose parameters mean something: programs
    most_numbers: int | None = None  # of the unconstrained vector
    most_work: int | None = None  # numbers x rows
    by_steps: bool = True  # whether it takes steps, batches, restarts and callbacks
    needs: str | None = None  # an optional package


# The first rule that fits decides: the most accurate method that the model can afford.
AUTO = (
    Rule("importance", True, 128, 10**7, by_steps=False, needs="blackjax"),
    Rule("fullrank_advi", True, 500),
    Rule("advi", True),
    Rule("advi", False, 10**6),
    Rule("ivon", False),
)


_LINEAR = (AnalyticKL, Reparameterised, StickingTheLanding, Tempered)  # in the log joint density


def as_method(
    method: Any, model: AbstractModel, rows: int = 1, by_steps: bool = False
) -> AbstractMethod:
    """A method object from a name or an object; `"auto"` is what `AUTO` says.

    `by_steps` tells that the user asked for steps, batches, restarts or callbacks.

    Raises:
        ValueError: no method has that name, or it cannot learn the depth of this network, or
            numbers beside distributions (`bayesian=` of a model).
        TypeError: neither a name nor a method.
    """
    if isinstance(method, str):
        chosen = "advi" if has_depth(space(model)) else _automatic(model, rows, by_steps)
        name = chosen if method == "auto" else method
        if name not in METHODS:
            raise ValueError(
                f"No method {method!r}. There are 'auto', {', '.join(map(repr, METHODS))}."
            )
        method = METHODS[name].make()
    if not isinstance(method, AbstractMethod):
        raise TypeError(f"method must be a name or a method such as mf.ADVI(), got {method!r}.")
    if model.points:
        return _over_part(method, space(model))
    return _over_depths(method) if has_depth(space(model)) else method


def _over_part(method: Any, where: Space) -> Any:
    """The method for a model of which only a part is Bayesian.

    Raises:
        ValueError: it needs a distribution for every parameter.
    """
    if has_depth(where):
        raise ValueError("The depth of a network is learned with a distribution for every weight.")
    if isinstance(method, ADVI) and not isinstance(method.objective, KernelStein):
        inner = method.family
        family = inner if isinstance(inner, Partial) else Partial(inner)
        return eqx.tree_at(lambda it: it.family, method, family)
    if isinstance(method, Ensemble):
        return eqx.tree_at(lambda it: it.of, method, _over_part(method.of, where))
    if isinstance(method, MAP | Point) or (
        isinstance(method, Laplace) and method.hessian in ("full", "last_layer")
    ):
        return method
    raise ValueError(
        f"method {method.name!r} in this form needs a distribution for every weight, and "
        "bayesian= gives one to a part of them. Use 'advi' (any family; not KernelStein), "
        "'laplace' (hessian='full'), 'map' or 'ensemble', or leave bayesian out."
    )


def _over_depths(method: AbstractMethod) -> ADVI:
    """Mean-field ADVI over the depth of a network as well as its weights.

    Raises:
        ValueError: another method, family or objective, which cannot.
    """
    known = MeanField, AdaptiveDepth
    if (
        isinstance(method, ADVI)
        and type(method.family) in known
        and isinstance(method.objective, _LINEAR)
    ):
        return eqx.tree_at(lambda it: it.family, method, AdaptiveDepth())
    raise ValueError(
        "The depth of a network is a whole number, learned by method='advi' (with the family "
        "mf.families.AdaptiveDepth and an objective that is linear in the log density, such as "
        "the default); this method cannot."
    )


def _automatic(model: AbstractModel, rows: int, by_steps: bool) -> str:
    size = space(model).size
    for rule in AUTO:
        fits = (
            rule.identified == model.identified
            and (rule.most_numbers is None or size <= rule.most_numbers)
            and (rule.most_work is None or size * rows <= rule.most_work)
            and (rule.by_steps or not by_steps)
            and (rule.needs is None or importlib.util.find_spec(rule.needs) is not None)
        )
        if fits:
            return rule.method
    raise AssertionError("the last rules set no limits")
