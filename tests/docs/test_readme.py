"""The README's Python runs, top to bottom, in a fresh process where warnings are errors."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


def python_blocks(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_python_blocks_run_from_top_to_bottom(tmp_path):
    code = "\n".join(python_blocks(README.read_text(encoding="utf-8")))
    assert "mf.fit(" in code
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", sorted(path.name for path in README.parent.glob("*.md")))
def test_links_lead_to_files(name):
    text = re.sub(
        r"^```.*?^```$",
        "",
        (README.parent / name).read_text(encoding="utf-8"),
        flags=re.DOTALL | re.MULTILINE,
    )
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert targets or name != README.name
    missing = [it for it in targets if "://" not in it and not (README.parent / it).exists()]
    assert missing == []


def test_shapes_in_comments_are_right(posterior, moons):
    prediction = posterior.predict(moons.X_test, draws=20)
    assert prediction.mean.shape == prediction.label.shape == (500,)
    assert prediction.sample(10).shape == (10, 500)
    layer = posterior.map(lambda params, row: params["network"].layers[0](row), moons.X_test, 20)
    assert layer.shape == (20, 500, 5)
