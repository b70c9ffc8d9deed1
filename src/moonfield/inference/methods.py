"""The one table of methods: what `method="..."` means, and what `"auto"` chooses."""

from collections.abc import Callable
from functools import partial
from typing import Any

from ..families import Flow, FullRank, LowRank, Mixture
from ..model import AbstractModel
from .advi import ADVI
from .chains import MCLMC, NUTS, SGHMC
from .dadvi import DADVI
from .laplace import Laplace
from .map import MAP
from .method import AbstractMethod
from .pathfinder import Pathfinder

METHODS: dict[str, Callable[[], AbstractMethod]] = {
    "advi": ADVI,
    "fullrank_advi": partial(ADVI, FullRank()),
    "lowrank_advi": partial(ADVI, LowRank()),
    "flow_advi": partial(ADVI, Flow()),
    "mixture_advi": partial(ADVI, Mixture()),
    "dadvi": DADVI,
    "laplace": Laplace,
    "map": MAP,
    "mclmc": MCLMC,
    "nuts": NUTS,
    "pathfinder": Pathfinder,
    "sghmc": SGHMC,
}


def as_method(method: Any, model: AbstractModel) -> AbstractMethod:
    """A method object from a name or an object; `"auto"` is ADVI with a mean-field family.

    Raises:
        ValueError: no method has that name.
        TypeError: neither a name nor a method.
    """
    if isinstance(method, str):
        name = "advi" if method == "auto" else method
        if name not in METHODS:
            raise ValueError(
                f"No method {method!r}. There are 'auto', {', '.join(map(repr, METHODS))}."
            )
        return METHODS[name]()
    if not isinstance(method, AbstractMethod):
        raise TypeError(f"method must be a name or a method such as mf.ADVI(), got {method!r}.")
    return method
