"""Formulas as MathML, which browsers draw themselves: no script, nothing to fetch."""

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger

_log = getLogger(__name__)


def _inline(writer, node: nodes.math) -> None:
    writer.body.append(f'<span class="math">{_drawn(node, False)}</span>')
    raise nodes.SkipNode


def _block(writer, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="math">{_drawn(node, True)}</div>\n')
    raise nodes.SkipNode


def _drawn(node: nodes.Element, block: bool) -> str:
    """The formula as MathML; a warning where it cannot be drawn."""
    try:
        return tex2mathml(node.astext(), as_block=block)
    except MathError as error:
        _log.warning("%s in %s", error, node.astext(), location=node)
        return node.astext()


def setup(app: Sphinx) -> dict:
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
