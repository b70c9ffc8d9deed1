"""A figure as bytes, with the words that belong to it."""

import base64
import dataclasses
import io
from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image


@dataclasses.dataclass(frozen=True)
class Picture:
    """A drawn figure.

    Attributes:
        name: of its file, without the ending.
        title: a heading.
        alt: what can be seen, for those who cannot see it.
        caption: what it means.
        png: the image.
        width: in CSS pixels, at which its text has the size of a page's.
    """

    name: str
    title: str
    alt: str
    caption: str
    png: bytes
    width: int

    @property
    def data_uri(self) -> str:
        """The image as a `data:` address."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")


def picture(
    *draw: Callable[[Axes], object],
    name: str,
    title: str,
    alt: str,
    caption: str = "",
    size: tuple[float, float] = (6.4, 4.6),
    dpi: int = 150,
    palette: bool = False,
) -> Picture:
    """A picture of one or more axes side by side; each function draws on its own axes.

    No window and no global state of matplotlib is involved.

    Args:
        *draw: functions of matplotlib axes.
        name, title, alt, caption: see `Picture`.
        size: of the whole, inches.
        dpi: pixels per inch.
        palette: reduce to 256 colours, for a file of a third of the size.
    """
    figure = Figure(figsize=size, dpi=dpi, layout="constrained")
    for place, function in enumerate(draw, start=1):
        function(figure.add_subplot(1, len(draw), place))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor="white", metadata={"Software": None})
    png = _reduced(buffer.getvalue()) if palette else buffer.getvalue()
    return Picture(name, title, alt, caption, png, round(size[0] * 110))


def _reduced(png: bytes) -> bytes:
    buffer = io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    image.save(buffer, format="png", optimize=True)
    return buffer.getvalue()
