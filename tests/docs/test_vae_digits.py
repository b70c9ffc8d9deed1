"""The variational autoencoder runs in time, and its held-out bound beats independent pixels."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "vae_digits.py"


@pytest.mark.slow
def test_the_bound_beats_independent_pixels_by_three_nats(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLE), str(tmp_path)],
        env=os.environ | {"MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = re.search(r"image: (-\d+\.\d+) \(ELBO\), independent pixels (-\d+\.\d+)", done.stdout)
    assert found is not None, done.stdout
    elbo, baseline = map(float, found.groups())
    assert elbo > baseline + 3.0
    assert (tmp_path / "vae_digits.png").stat().st_size > 10_000
