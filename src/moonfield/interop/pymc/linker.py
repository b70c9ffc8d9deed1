"""PyTensor graphs as functions of JAX: by PyTensor's linker, with three of its habits changed."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from pytensor.compile.mode import JAX
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.replace import graph_replace
from pytensor.graph.traversal import graph_inputs
from pytensor.link.utils import fgraph_to_python
from pytensor.scalar.math import Softplus
from pytensor.tensor.basic import constant
from pytensor.tensor.math import Dot, dot
from pytensor.tensor.shape import SpecifyShape

from ...likelihoods.logits import softplus
from .loading import load_pymc, pytensor_rules

load_pymc()  # before PyTensor's rules for JAX, whose import sets JAX's precision

from pytensor.link.jax.dispatch.basic import jax_funcify, jax_typify  # noqa: E402


def function_of(inputs: Sequence[Any], outputs: Sequence[Any], rows: Sequence[Any] = ()) -> Any:
    """The function that computes `outputs` from `inputs`, of which `rows` are data with rows.

    Products of rows and weights are turned round, `(W.T @ X.T).T`: mapped over single rows they
    then have the rows on their last axis, which takes half the time on the CPU.

    Raises:
        NotImplementedError: PyTensor has no such operation for JAX.
    """
    shared = [v for v in graph_inputs(outputs) if isinstance(v, SharedVariable)]
    constants: Any = {v: constant(v.get_value()) for v in shared if v not in inputs}
    found = graph_replace(list(outputs), constants, strict=False)
    graph = FunctionGraph(list(inputs), found, clone=False)
    with jax.ensure_compile_time_eval(), pytensor_rules():
        rewriter: Any = JAX.excluding("fusion").optimizer
        rewriter.rewrite(graph)  # XLA fuses, and softplus must be seen
        _turn_products(graph, rows)
        return fgraph_to_python(graph, _convert, type_conversion_fn=jax_typify)


def _turn_products(graph: Any, rows: Sequence[Any]) -> None:
    by_row = {*rows}
    for node in graph.toposort():
        if by_row.isdisjoint(node.inputs):
            continue
        by_row.update(node.outputs)
        if isinstance(node.op, Dot) and node.inputs[1] not in by_row:
            left, right = node.inputs
            turned = dot(right.T, left.T).T
            by_row.add(turned)
            graph.replace(node.outputs[0], turned, import_missing=True)


def _convert(op: Any, **options: Any) -> Callable:
    if isinstance(getattr(op, "scalar_op", None), Softplus):
        return softplus  # the gradient of PyTensor's own is not a number from x = 89 (float32)
    if isinstance(op, SpecifyShape):  # rows come in any number
        return lambda x, *shape: x
    return jax_funcify(op, **options)
