"""Patterns of paths, and numbers that count from the end."""

import pytest

from moonfield.networks import chosen

PATHS = [
    "first.weight",
    *(f"layers.{i}.{name}" for i in range(12) for name in ("weight", "bias")),
    "blocks.0.norms.0.gain",
    "blocks.0.norms.1.gain",
    "blocks.1.norms.0.gain",
]


@pytest.mark.parametrize(
    ("patterns", "want"),
    [
        (["layers.-1.*"], {"layers.11.weight", "layers.11.bias"}),
        (["layers.-12.bias", "first.*"], {"layers.0.bias", "first.weight"}),
        (["layers.11.weight"], {"layers.11.weight"}),
        (["blocks.-1.*"], {"blocks.1.norms.0.gain"}),
        (["blocks.0.norms.-1.*"], {"blocks.0.norms.1.gain"}),
        (["blocks.-2.norms.-2.gain"], {"blocks.0.norms.0.gain"}),
        (["*.gain"], set(PATHS[-3:])),
    ],
)
def test_what_patterns_mean(patterns: list[str], want: set[str]) -> None:
    assert chosen(patterns, PATHS) == want


@pytest.mark.parametrize("pattern", ["layers.-13.*", "first.-1.*", "layer.*", "layers.12.*"])
def test_a_pattern_without_a_match(pattern: str) -> None:
    with pytest.raises(ValueError, match=f"'{pattern.replace('*', '[*]')}' matches no parameter"):
        chosen(["first.*", pattern], PATHS)
