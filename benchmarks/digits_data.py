"""Digits in folds, and images that are no digits, in the same units."""

import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold

_MEAN, _SD = 4.9, 6.0  # of all pixels, 0 to 16
_FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSansMono")
_LIKE_DIGITS = "OoIilSsZzBGgqQb"  # which at 8 x 8 pixels also people take for digits

Fold = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def standardised(pixels: np.ndarray) -> np.ndarray:
    """Pixels from 0 to 16 in the units of the network, (rows, 8, 8)."""
    return ((pixels - _MEAN) / _SD).astype(np.float32).reshape(-1, 8, 8)


def folds(count: int = 5, seed: int = 0) -> Iterator[Fold]:
    """(images, labels) to train on and to test on, for the first so many of five folds."""
    pixels, labels = load_digits(return_X_y=True)
    images = standardised(pixels)
    splits = StratifiedKFold(5, shuffle=True, random_state=seed).split(images, labels)
    for (train, test), _ in zip(splits, range(count), strict=False):
        yield (images[train], labels[train]), (images[test], labels[test])


def strangers(images: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Noise, digits with shuffled pixels, letters, and letters that do not look like digits."""
    rng = np.random.default_rng(seed)
    noise = standardised(rng.integers(0, 17, (len(images), 64)))
    shuffled = rng.permuted(images.reshape(len(images), -1), axis=1).reshape(images.shape)
    return {
        "noise": noise,
        "shuffled": shuffled,
        "letters": letters(string.ascii_letters),
        "letters unlike": letters("".join(sorted(set(string.ascii_letters) - set(_LIKE_DIGITS)))),
    }


def letters(which: str) -> np.ndarray:
    """Letters of the fonts that come with matplotlib, made as the digits were.

    A glyph fills a bitmap of 32 x 32, of which every 4 x 4 block is counted: 0 to 16.
    """
    import matplotlib as mpl
    from PIL import Image, ImageDraw, ImageFont

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    found = []
    for font_name in _FONTS:
        font = ImageFont.truetype(str(folder / f"{font_name}.ttf"), 96)
        for letter in which:
            sheet = Image.new("L", (256, 256))
            ImageDraw.Draw(sheet).text((64, 64), letter, fill=255, font=font)
            glyph = sheet.crop(sheet.getbbox())
            width = min(32, max(4, round(32 * glyph.width / glyph.height)))
            bitmap = Image.new("L", (32, 32))
            bitmap.paste(glyph.resize((width, 32)), ((32 - width) // 2, 0))
            on = np.asarray(bitmap) > 127
            found.append(on.reshape(8, 4, 8, 4).sum(axis=(1, 3)))
    return standardised(np.stack(found))
