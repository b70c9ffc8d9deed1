"""Similarity of representations, and signal-to-noise of units."""

import numpy as np
import pytest

from moonfield.diagnostics import Representations, cka

RNG = np.random.default_rng(0)


def test_rotation_scale_and_shift_do_not_matter() -> None:
    a = RNG.normal(size=(40, 5))
    turn, _ = np.linalg.qr(RNG.normal(size=(5, 5)))
    assert cka(a, 3.0 * a @ turn + 7.0) == pytest.approx(1.0, rel=1e-12)
    assert cka(a, a @ np.diag([1, 1, 1, 1, 9.0])) < 0.9


def test_representations_without_anything_in_common_have_none() -> None:
    q, _ = np.linalg.qr(np.column_stack([np.ones(20), RNG.normal(size=(20, 6))]))
    assert cka(q[:, 1:4], q[:, 4:7]) == pytest.approx(0.0, abs=1e-24)
    assert np.isnan(cka(q, np.ones((20, 2))))


@pytest.mark.parametrize("units", [3, 30])  # by cross-products, and by Gram matrices
def test_is_the_alignment_of_centred_gram_matrices(units: int) -> None:
    a, b = RNG.normal(size=(12, units)), RNG.normal(size=(12, units)) ** 2
    center = np.eye(12) - 1.0 / 12.0
    k, m = (center @ it @ it.T @ center for it in (a, b))
    want = np.sum(k * m) / np.sqrt(np.sum(k * k) * np.sum(m * m))
    assert cka(a, b) == pytest.approx(want, rel=1e-12)
    found = Representations("layers.0", np.stack([a, b, 2.0 * a]))
    np.testing.assert_allclose(found.cka, [[1, want, 1], [want, 1, want], [1, want, 1]], rtol=1e-12)
    assert found.stability == pytest.approx((2 * want + 1) / 3, rel=1e-12)


def test_signal_is_between_rows_and_noise_between_draws() -> None:
    rows = np.array([[-1.0, 0.0], [1.0, 0.0]])
    noise = np.array([[-2.0, 1.0], [2.0, -1.0]])
    values = rows[None] + noise[:, None]
    found = Representations("layers.0", values)
    np.testing.assert_array_equal(found.mean, rows)
    np.testing.assert_allclose(found.sd, np.sqrt([[8.0, 2.0]] * 2), rtol=1e-12)
    np.testing.assert_allclose(found.signal_to_noise, [1.0 / np.sqrt(8.0), 0.0], rtol=1e-12)
    assert "2 units, 2 rows, 2 draws" in str(found)


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="same rows; there are 3 and 4"):
        cka(np.zeros((3, 1)), np.zeros((4, 1)))
    with pytest.raises(ValueError, match="two draws"):
        _ = Representations("layers.0", np.zeros((1, 3, 2))).stability
