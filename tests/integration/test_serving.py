"""An artefact predicts in a process where neither Moonfield nor its libraries can be imported."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import moonfield as mf
from tests.helpers import Split

README = Path(__file__).parents[2] / "README.md"
BARE = """
import sys

class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in FORBIDDEN:
            raise ImportError(f"{name} must not be imported")

FORBIDDEN = {"moonfield", "numpyro", "equinox", "optax", "sklearn", "safetensors", "narwhals"}
sys.meta_path.insert(0, Forbid())
"""
USE = """
rows = np.load("rows.npy")
predict, about = load("moons.npz")
np.savez("found.npz", **predict(rows), **{f"first_{k}": v for k, v in predict(rows[:1]).items()})
assert not FORBIDDEN & set(sys.modules), "imported in spite of all"
print(json.dumps(about))
"""


@pytest.mark.slow
def test_the_loader_of_the_readme_serves_a_fit_alone(
    posterior: mf.Posterior, moons: Split, tmp_path: Path
) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.DOTALL | re.M)
    (loader,) = (block for block in blocks if "export.deserialize" in block)
    posterior.export(tmp_path / "moons.npz", draws=200, seed=1)
    np.save(tmp_path / "rows.npy", moons.X_test)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BARE + loader + USE],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["draws"] == 200
    prediction = posterior.predict(moons.X_test, draws=200, seed=1)
    with np.load(tmp_path / "found.npz") as found:
        for name in ("mean", "sd", "epistemic", "aleatoric", "entropy", "mutual_information"):
            values = getattr(prediction, name)
            size = np.abs(values).max()
            np.testing.assert_allclose(found[name], values, rtol=0.0, atol=4e-6 * size)
            np.testing.assert_allclose(found[f"first_{name}"], values[:1], atol=4e-6 * size)
