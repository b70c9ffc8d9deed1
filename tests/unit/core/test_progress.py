"""The bar shows where somebody can see it, and is silent elsewhere."""

import pytest

from moonfield._core import progress
from moonfield._core.progress import Progress


def test_silent_where_nobody_looks(capfd: pytest.CaptureFixture) -> None:
    bar = Progress(10, enabled=True)
    assert not bar.due
    bar.close(10)
    assert capfd.readouterr() == ("", "")


def test_silent_when_switched_off(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(progress, "_visible", lambda: True)
    monkeypatch.setattr(progress, "_REFRESH_SECONDS", 0.0)
    bar = Progress(10, enabled=False)
    assert not bar.due
    bar.close(10)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("total", [10, None])
def test_shows_steps_and_elbo(
    total: int | None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(progress, "_visible", lambda: True)
    monkeypatch.setattr(progress, "_REFRESH_SECONDS", 0.0)
    bar = Progress(total, enabled=True)
    assert bar.due
    bar.update(4, -1234.567)
    bar.close(7)
    shown = capfd.readouterr().out
    assert "-1,234.57" in shown
    assert "7/" in shown
