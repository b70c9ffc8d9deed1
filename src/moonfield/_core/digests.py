"""One short text for what an object holds, the same in every process.

Trees are taken apart by JAX; arrays count by their bytes, functions by their code, their defaults
and what they close over (so that `optax.adam(0.1)` and `optax.adam(0.2)` differ), objects of other
classes by what they print, without addresses. Global variables that a function reads do not count.
"""

import functools
import hashlib
import inspect
import re
import types
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import Distribution

_WHOLE = 64 * 2**20  # bytes of an array up to which all of them count
_PIECE = 2**16  # of a larger one, a thousand pieces of so many bytes
_FUNCTIONS = (types.FunctionType, types.MethodType, functools.partial)
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def digest(value: Any) -> str:
    """Thirty-two hexadecimal digits."""
    found = hashlib.sha256()
    for part in _parts(value, frozenset()):
        found.update(len(part).to_bytes(8, "little") + part)
    return found.hexdigest()[:32]


def _parts(value: Any, above: frozenset[int]) -> Iterator[bytes]:
    """The text of a value, piece by piece; what stands `above` it is not entered again."""
    if id(value) in above:
        yield b"again"
        return
    above = above | {id(value)}
    yield type(value).__qualname__.encode()
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        yield from _of_array(value)
    elif value is None or isinstance(value, bool | int | float | complex | str | bytes):
        yield repr(value).encode()
    elif isinstance(value, dict):
        yield from _of_each([part for item in value.items() for part in item], above)
    elif isinstance(value, tuple | list):
        yield from _of_each(value, above)
    elif isinstance(value, set | frozenset):
        yield from _of_each(sorted(map(digest, value)), above)
    elif isinstance(value, type | types.ModuleType):
        yield getattr(value, "__qualname__", value.__name__).encode()
    elif callable(value) and (isinstance(value, _FUNCTIONS) or hasattr(value, "__wrapped__")):
        yield from _of_function(value, above)
    elif isinstance(value, types.CodeType):
        yield value.co_code
        yield from _of_each([*value.co_names, *value.co_consts], above)
    else:
        yield from _of_object(value, above)


def _of_each(values: Any, above: frozenset[int]) -> Iterator[bytes]:
    yield str(len(values)).encode()
    for value in values:
        yield from _parts(value, above)


def _of_array(value: Any) -> Iterator[bytes]:
    """Type, shape and bytes; of a large array pieces that are spread evenly over it."""
    if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    array = np.asarray(value)
    yield f"{array.dtype} {array.shape}".encode()
    if array.dtype.hasobject:
        yield repr(array.tolist()).encode()
    elif array.nbytes <= _WHOLE:
        yield np.ascontiguousarray(array).tobytes()
    else:
        rows = array.reshape(-1) if array.flags.c_contiguous else array
        count = max(1, _PIECE * len(rows) // array.nbytes)
        for begin in np.linspace(0, len(rows) - count, _WHOLE // _PIECE).astype(int):
            yield np.ascontiguousarray(rows[begin : begin + count]).tobytes()


def _of_function(value: Any, above: frozenset[int]) -> Iterator[bytes]:
    if isinstance(value, functools.partial):
        yield from _of_each([value.func, value.args, value.keywords], above)
        return
    if isinstance(value, types.MethodType):
        yield from _of_each([value.__func__, value.__self__], above)
        return
    fn = inspect.unwrap(value)
    yield f"{getattr(fn, '__module__', '')}.{getattr(fn, '__qualname__', '')}".encode()
    if isinstance(fn, types.FunctionType):
        cells = [_content(cell) for cell in fn.__closure__ or ()]
        yield from _of_each([fn.__code__, fn.__defaults__, fn.__kwdefaults__, *cells], above)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled
        return None


def _of_object(value: Any, above: frozenset[int]) -> Iterator[bytes]:
    """A tree's node and what it holds; of anything else what it prints."""
    if isinstance(value, Distribution):
        yield from _parts(_fields(value), above)
        return
    node = jax.tree_util.default_registry.flatten_one_level(value)
    if node is None:
        yield _ADDRESS.sub("", repr(value)).encode()
        return
    children, other = node
    yield from _of_each([*children, other], above)


def _fields(value: Distribution) -> dict[str, Any]:
    """What NumPyro takes a distribution apart into, in an order that does not change."""
    names = {*type(value).gather_pytree_data_fields(), *type(value).gather_pytree_aux_fields()}
    return {name: vars(value).get(name) for name in sorted(names)}
