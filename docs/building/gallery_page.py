"""The gallery: figures that the examples draw when the site is built in full."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from .forms import FORM

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


class Example(NamedTuple):
    """An example, how it is run for the gallery, and what its figure shows to who cannot see it."""

    name: str
    arguments: tuple[str, ...]
    alternative: str


GALLERY = (
    Example("rotated_moons", ("1", "8", "0"), "The eighteen tasks, each with its points and the "
            "boundary that the hierarchical network draws."),
    Example("car_makers", ("1",), "What the cameras of the makers' models see, and the scores of "
            "networks that share more or less."),
    Example("active_learning", ("1", "120", "moons"), "Accuracy by number of labels: asked for, "
            "and drawn at random."),
    Example("transfer", ("1", "--short"), "Accuracy and log score on digits with few labels, of "
            "networks that knew other digits and of others that knew none."),
    Example("adaptive_width", ("1", "moons", "--short"), "Held-out log score by width, and the "
            "width that was learned."),
    Example("adaptive_depth", ("1", "--short"), "The posterior over depths for spirals that are "
            "wound up more and more."),
    Example("sparse_regression", ("1",), "The ranks of a hundred inputs under sparse priors: the "
            "five real ones come first."),
    Example("inverse_sine", ("--short",), "Densities of the inverse of a sine under a mixture of "
            "normals and under one normal, beside the true one."),
    Example("digits", ("1",), "How far the networks disagree about digits, and about letters, "
            "noise and shuffled pixels; the images of each about which they disagree least and "
            "most."),
    Example("sequences", ("1", "--short"), "Accuracy by the length of a sequence: of the truth, "
            "the LSTM and a logistic regression."),
    Example("vae_digits", (), "The plane of codes of an autoencoder of handwritten digits, and new "
            "digits drawn from it."),
)  # fmt: skip


def write(folder: Path, state: str) -> None:
    """`gallery.md`; in a full build the examples run first, once for each state of the code."""
    pictures = folder / "gallery"
    pictures.mkdir(exist_ok=True)
    kept = Path(__file__).parents[1] / "_build" / "gallery" / state
    parts = [_section(example, pictures, kept) for example in GALLERY]
    (folder / "gallery.md").write_text("\n".join(parts), encoding="utf-8")


def _section(example: Example, pictures: Path, kept: Path) -> str:
    title, words = _words(example.name)
    lines = [f"## {title}", "", words, ""]
    picture = kept / example.name / f"{example.name}.png"
    if FORM == "full" and not picture.exists():
        _run(example, picture.parent)
    if picture.exists():
        shutil.copy(picture, pictures / picture.name)
        lines += [f"![{example.alternative}](_generated/gallery/{picture.name})", ""]
    command = " ".join(("python", f"examples/{example.name}.py", "FOLDER", *example.arguments))
    lines += [f"```sh\n{command}\n```\n"]
    return "\n".join(lines)


def _words(name: str) -> tuple[str, str]:
    """Title and first paragraph of an example's docstring."""
    text = ast.get_docstring(ast.parse((EXAMPLES / f"{name}.py").read_text(encoding="utf-8"))) or ""
    title, *paragraphs = text.split("\n\n")
    words = next(it for it in paragraphs if not it.startswith(" "))
    return title.rstrip("."), words


def _run(example: Example, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(EXAMPLES / f"{example.name}.py"), str(folder)]
    quiet = os.environ | {"MPLBACKEND": "agg"}
    subprocess.run([*command, *example.arguments], env=quiet, check=True, stdout=subprocess.DEVNULL)
