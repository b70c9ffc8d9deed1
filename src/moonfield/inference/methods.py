"""The one table of methods: what `method="..."` means, and what `"auto"` chooses."""

from typing import Any

from ..model import AbstractModel
from .advi import ADVI
from .asvgd import ASVGD
from .ensemble import Ensemble
from .ivon import IVON
from .method import AbstractMethod
from .svgd import SVGD

METHODS: dict[str, type[AbstractMethod]] = {
    "advi": ADVI,
    "asvgd": ASVGD,
    "ensemble": Ensemble,
    "ivon": IVON,
    "svgd": SVGD,
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
