"""Charts: places, ticks, words."""

import re

import numpy as np
import pytest

from moonfield.reporting.chart import Axis, Chart, around, nice_step, shortened
from moonfield.reporting.marks import Band, Bars, Dots, Line, Place, Stems
from moonfield.reporting.words import cell, number, with_error

PLACE = Place((0.0, 10.0), (0.0, 1.0))


def test_marks_stand_where_their_units_say():
    assert PLACE.across([0.0, 5.0, 10.0]).tolist() == [54.0, 217.0, 380.0]
    assert PLACE.down([0.0, 0.5, 1.0]).tolist() == [226.0, 118.0, 10.0]
    assert 'd="M54 226L380 10"' in Line([0.0, 10.0], [0.0, 1.0]).draw(PLACE)
    assert 'd="M54 10L380 10L380 118L54 118Z"' in Band([0.0, 10.0], [0.5, 0.5], [1.0, 1.0]).draw(
        PLACE
    )
    assert 'd="M54.8 226V118H216.2V226Z"' in Bars([0.0, 5.0], [0.5]).draw(PLACE)
    assert 'd="M217 226V10"' in Stems([5.0], [0.0], [1.0]).draw(PLACE)
    assert 'd="M217 118h0"' in Dots([5.0], [0.5]).draw(PLACE)


@pytest.mark.parametrize(
    ("low", "high", "step"),
    [(0.0, 1.0, 0.2), (0.0, 9.0, 2.0), (-3.0, 4e5, 1e5), (0.0, 0.026, 0.01)],
)
def test_steps_are_round(low, high, step):
    np.testing.assert_allclose(nice_step(low, high), step)


def test_ticks():
    assert [name for _, name in Axis(-0.5, 1.0, "x").ticks()] == ["−0.5", "0.0", "0.5", "1.0"]
    names = [name for _, name in Axis(0.0, 0.02, "x", percent=True).ticks()]
    assert names == ["0.0%", "0.5%", "1.0%", "1.5%", "2.0%"]
    assert Axis(-0.5, 1.5, "x", ["a", "b"]).ticks() == [(0.0, "a"), (1.0, "b")]


@pytest.mark.parametrize(
    "values", [[3.0, 3.0], [0.0], [np.nan, 1.0], [np.nan], [-np.inf, 2.0, 7.0]]
)
def test_axis_around_values_has_a_length(values):
    axis = around("x", values)
    assert np.isfinite([axis.low, axis.high]).all()
    assert axis.low < axis.high
    assert axis.ticks()


def test_words_of_a_chart_are_escaped():
    evil = "</svg><script>&\"'"
    axis = Axis(-0.5, 0.5, evil, [evil])
    svg = Chart(evil, evil, evil, axis, Axis(0.0, 1.0, evil), [Dots([0.0], [0.0], label=evil)]).svg
    tags = set(re.findall(r"</?[a-z]+", svg))
    assert "<script" not in tags
    assert svg.count("</svg>") == 2
    assert "&lt;/svg&gt;&lt;script&gt;" in svg


def test_long_words_are_shortened_and_kept_whole_beside():
    assert shortened("abcdefgh", 5.9) == "abcd…"
    assert shortened("abcde", 5.0) == "abcde"
    name = "a" * 100
    svg = Chart("t", "t", "", Axis(-0.5, 0.5, "x", [name]), Axis(0.0, 1.0, "y"), []).svg
    assert f"<title>{name}</title>" in svg


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0"), (-0.00001, "−1e−05"), (12.3456, "12.35"), (-1234.56, "−1,235"), (0.5, "0.5"),
        (np.nan, "–"), (-np.inf, "−∞"), (3e9, "3e+09"),
    ],
)  # fmt: skip
def test_numbers(value, words):
    assert number(value) == words


def test_values_with_errors_have_two_digits_of_these():
    plain = with_error(-0.43126, 0.0123).replace("\N{NO-BREAK SPACE}", " ")
    assert plain == "−0.431 ± 0.012"
    assert with_error(0.5, 0.034, percent=True).replace("\N{NO-BREAK SPACE}", " ") == "50.0% ± 3.4%"
    assert with_error(12.0, 0.0, sign=True) == "+12"
    assert with_error(-np.inf, np.nan) == "−∞"


def test_cells():
    assert [cell(v) for v in (None, True, np.int64(-3), 2.5, np.nan, "a<b")] == [
        "–", "True", "−3", "2.5", "–", "a<b"
    ]  # fmt: skip
