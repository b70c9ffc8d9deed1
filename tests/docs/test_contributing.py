"""The family of CONTRIBUTING.md, added to a copy as the text says, passes the contract suite."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTION = TEXT[TEXT.index("## Adding a family") : TEXT.index("## The site")]
QUICKLY = {  # as in 'make test'
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    "XLA_FLAGS": "--xla_cpu_use_fusion_emitters=false",
}
_STEP = re.compile(r"`((?:src|docs|tests)/[\w/]+\.py)`|^```(\w+)\n(.*?)^```$", re.M | re.S)


def changed(before: str, diff: str) -> str:
    """The text with the lines that a block adds, below the line that it begins with."""
    anchor, *added = diff.splitlines()
    assert anchor.startswith(" ")
    assert all(line.startswith("+") for line in added)
    assert before.count(f"{anchor[1:]}\n") == 1, f"{anchor[1:]!r} is not one line of the file"
    new = "".join(f"{line[1:]}\n" for line in added)
    return before.replace(f"{anchor[1:]}\n", f"{anchor[1:]}\n{new}")


def add_the_family(root: Path) -> None:
    """Do what the section says."""
    path = None
    for step in _STEP.finditer(SECTION):
        name, kind, block = step.groups()
        if name is not None:
            path = root / name
        elif kind == "python":
            assert path is not None
            assert not path.exists()
            path.write_text(block, encoding="utf-8")
        elif kind == "diff":
            assert path is not None
            path.write_text(changed(path.read_text(encoding="utf-8"), block), encoding="utf-8")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for part in ("src", "tests", "docs/building"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "CITATION.cff"):
        shutil.copy(ROOT / name, tmp_path / name)
    add_the_family(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_worked_example_keeps_the_contract(copy: Path) -> None:
    files = ("tests/contract/test_families.py", "tests/contract/test_registry.py")
    chosen = "DoubleExponential or registered or final or named_in_a_file or in_the_reference"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files,
         "tests/docs/test_reference.py", "-k", chosen],
        cwd=copy,
        env=os.environ | QUICKLY | {"PYTHONPATH": str(copy / "src")},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 15
