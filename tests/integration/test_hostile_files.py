"""Files made by an attacker: nothing is executed, and what is wrong is said clearly and quickly."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import moonfield as mf
from moonfield import families
from moonfield.estimators.persistence import _build_targets
from moonfield.io import Part, read_file, write_file
from moonfield.model import space
from tests.helpers import linear_model, posterior_at, regression_rows
from tests.load_hostile import line
from tests.mutations import (
    cuts,
    damaged,
    hostile_contents,
    hostile_headers,
    other_formats,
    with_header,
)

ORIGIN = "good-posterior-mean_field"
MEMORY = 100 * 2**10  # KiB that all bad files together may take beyond what the good ones took

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="limits memory as Linux does"
)

SECONDS = 10.0  # of one file, on a busy machine

FAMILIES = {
    "flow": families.Flow(layers=2, knots=3, width=4),
    "full_rank": families.FullRank(),
    "kronecker": families.Kronecker(),
    "low_rank": families.LowRank(2),
    "mixture": families.Mixture(2, families.LowRank(1)),
    "spike_and_slab": families.SpikeAndSlab(),
    "student_t": families.StudentT(),
}


def save_posteriors(folder: Path) -> None:
    """One of every kind of approximation."""
    model = linear_model(2, mf.likelihoods.Normal(), bias=True)
    good = posterior_at(model, 0.1, 0.2)
    for name, approximation in approximations(model).items():
        posterior = mf.Posterior(model, approximation, good.elbo, good.diagnostics)
        posterior.save(folder / f"good-posterior-{name}")


def save_fits(folder: Path) -> None:
    """Both estimators and a program."""
    X, y = regression_rows(30, 2)
    table = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": np.where(X[:, 0] > 0.0, "up", "down")})
    table.loc[3, "b"] = np.nan
    options: dict[str, Any] = {"hidden": (3,), "steps": 20, "random_state": 0}
    regressor = mf.BayesianMLPRegressor(missing="indicator", **options).fit(table, y)
    regressor.save(folder / "good-regressor-table")
    classifier = mf.BayesianMLPClassifier(class_weight={"low": 2.0, "high": 1.0}, **options)
    classifier.fit(X, np.where(y > 0.0, "high", "low")).save(folder / "good-classifier-text")
    data = {"x": np.float32(X[:, 0]), "y": np.float32(y), "scale": 2.0}
    program = mf.fit(mf.Program(line), data=data, method="map")
    program.save(folder / "good-program-line")


def approximations(
    model: mf.BayesianNetwork, by_name: dict[str, families.AbstractFamily] = FAMILIES
) -> dict[str, Any]:
    shape = space(model)
    mean, tril = jnp.zeros(shape.size), jnp.eye(shape.size)
    found: dict[str, Any] = {
        name: families.Variational(
            family.bind(shape), family.bind(shape).init(mean, 0.1), shape.size
        )
        for name, family in by_name.items()
    }
    mean_field = posterior_at(model, 0.1, 0.2).approximation
    gaussian = families.Gaussian(jnp.zeros(2), jnp.eye(2))
    block = families.KroneckerBlock(jnp.array([[0, 1]]), jnp.eye(1), jnp.eye(2), jnp.ones((1, 2)))
    return {
        **found,
        "mean_field": mean_field,
        "members": families.Members([mean_field, mean_field]),
        "gaussian": families.Gaussian(mean, tril),
        "conditional": families.Conditional(mean, jnp.array([0, 2], jnp.int32), gaussian),
        "kronecker_gaussian": families.KroneckerGaussian(mean, mean + 1.0, (block,)),
        "particles": families.Particles(tril),
    }


class Mutation(NamedTuple):
    """A bad file: what was done to which good one; `size` where it is longer than its data."""

    origin: str
    what: str
    data: bytes
    size: int | None = None


def broken(origin: str, data: bytes, folder: Path) -> Iterator[Mutation]:
    """What no checksum can cover, or every checksum finds."""
    for found in (*cuts(data), *hostile_headers(data), *other_formats(data, folder / "marker")):
        yield Mutation(origin, "strange", found)
    yield Mutation(origin, "strange", data, size=3 * 10**9)
    yield Mutation(origin, "strange", (10**9).to_bytes(8, "little") + data[8:], size=3 * 10**9)
    announced = {"a": {"dtype": "F32", "shape": [10**9], "data_offsets": [0, 4 * 10**9]}}
    header = json.dumps({**announced, "__metadata__": {}}).encode()
    start = len(header).to_bytes(8, "little") + header
    yield Mutation(origin, "strange", start, size=len(start) + 4 * 10**9)


def attacked(origin: str, folder: Path, damages: int, contents: int) -> Iterator[Mutation]:
    path, rng = folder / origin, np.random.default_rng(0)
    for _ in range(damages):
        yield Mutation(origin, "damaged", damaged(path.read_bytes(), rng))
    for what, found in hostile_contents(read_file(path), contents, rng):
        yield Mutation(origin, what, found)


def outcomes(folder: Path, bad: list[Mutation]) -> list[dict[str, Any]]:
    """Write bad files, load each in a process of its own, and say how that ended."""
    for i, mutation in enumerate(bad):
        path = folder / f"bad-{i}"
        path.write_bytes(mutation.data)
        os.truncate(path, mutation.size or len(mutation.data))  # zeros that take no space
    before = {entry.name for entry in folder.iterdir()}
    done = subprocess.run(
        [sys.executable, "-m", "tests.load_hostile", str(folder)],
        input="\n".join(f"bad-{i} {mutation.origin}" for i, mutation in enumerate(bad)),
        env={**os.environ, "PYTHONPATH": str(Path(mf.__file__).parents[1])},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    assert {entry.name for entry in folder.iterdir()} == before, "something was written"
    found = [json.loads(text) for text in done.stdout.splitlines()]
    return [one | {"what": m.what, "origin": m.origin} for one, m in zip(found, bad, strict=True)]


def assert_harmless(found: list[dict[str, Any]]) -> None:
    """A clear error or what the file honestly says; nothing executed; bounded time and memory."""
    for one in found:
        assert one["events"] == [], one
        assert one["seconds"] < SECONDS, one
        if "loaded" in one:
            assert one["same"] or one["what"] not in ("damaged", "strange"), one
        else:
            assert one["error"] in ("FileFormatError", "ValueError"), one
            assert one["name"] in one["message"], one
            assert one["message"].isprintable(), one
            assert len(one["message"]) < 600, one
    assert found[-1]["memory"] - found[0]["memory"] < MEMORY


@pytest.mark.slow
def test_hostile_files_of_a_posterior_are_harmless(tmp_path: Path):
    posterior_at(linear_model(2, mf.likelihoods.Normal(), bias=True), 0.1, 0.2).save(
        tmp_path / ORIGIN
    )
    bad = [
        *attacked(ORIGIN, tmp_path, 200, 80),
        *broken(ORIGIN, (tmp_path / ORIGIN).read_bytes(), tmp_path),
    ]
    found = outcomes(tmp_path, bad)
    assert len(found) > 450
    assert_harmless(found)
    refused = [one for one in found if one.get("error") == "FileFormatError"]
    assert len(refused) > 400


@pytest.mark.slow
def test_hostile_files_of_every_kind_are_harmless(tmp_path: Path):
    save_posteriors(tmp_path)
    save_fits(tmp_path)
    origins = sorted(path.name for path in tmp_path.glob("good-*"))
    bad = [one for origin in origins for one in attacked(origin, tmp_path, 40, 120)]
    for origin in ("good-regressor-table", "good-posterior-flow"):
        bad += broken(origin, (tmp_path / origin).read_bytes(), tmp_path)
    found = outcomes(tmp_path, bad)
    assert len(found) > 3_000
    assert_harmless(found)
    loaded = {one["origin"] for one in found if "loaded" in one}
    assert loaded == set(origins)  # an attack on a fact that says nothing leaves a good file good


# ---- holes that were found


def rewritten(path: Path, edit: Callable[[dict], object]) -> None:
    """A file with other contents and a checksum that fits."""
    document = read_file(path)
    edit(document.content)
    write_file(path, document.content, document.tensors)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    posterior_at(linear_model(2, mf.likelihoods.Normal()), 0.1, 0.2).save(tmp_path / ORIGIN)
    return tmp_path / ORIGIN


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([1] * 10_000, "10,000 layers; files keep up to 1,000"),
        ([2, 10**9, 1], "needs 3,000,000,000 weights, but it holds"),
        ("21", "the sizes '21'"),
        ([2.0, 1.0], r"the sizes \[2.0, 1.0\]"),
    ],
)
def test_sizes_are_checked_before_layers_are_made(path: Path, sizes: Any, message: str):
    network = ("model", "arguments", "network")
    rewritten(path, lambda content: part_of(content, *network).update(sizes=sizes))
    with pytest.raises(mf.FileFormatError, match=message):
        mf.load(path)


def part_of(content: dict, *names: str) -> dict:
    for name in names:
        content = content[name]
    return content


def test_settings_are_checked_before_a_family_is_made(path: Path):
    model = linear_model(2, mf.likelihoods.Normal())
    good = posterior_at(model, 0.1, 0.2)
    flow = approximations(model, {"flow": FAMILIES["flow"]})["flow"]
    mf.Posterior(model, flow, good.elbo, good.diagnostics).save(path)
    settings = ("approximation", "family", "settings")
    rewritten(path, lambda content: part_of(content, *settings).update(knots=10**9))
    with pytest.raises(mf.FileFormatError, match=r"has knots 1000000000, but it holds \d+ numbers"):
        mf.load(path)


def test_text_of_a_file_cannot_steer_a_terminal(path: Path):
    def edit(content: dict) -> None:
        content["model"]["arguments"]["network"] = None
        content["model"]["classes"]["network"] = "\x1b[2J" + "a" * 10_000

    rewritten(path, edit)
    with pytest.raises(ValueError, match=r"does not hold the network \(\\x1b\[2Ja") as caught:
        mf.load(path)
    assert len(str(caught.value)) < 500


def test_a_key_that_comes_twice_is_refused(path: Path):
    data = path.read_bytes()
    header = data[8 : 8 + int.from_bytes(data[:8], "little")].rstrip()
    path.write_bytes(
        with_header(data, header.replace(b'{\\"content', b'{\\"a\\":1,\\"a\\":1,\\"content'))
    )
    with pytest.raises(mf.FileFormatError, match="a key of its JSON comes twice"):
        mf.load(path)


@pytest.mark.parametrize("labels", ["ab", [["a"], ["b"]], ["a", "a"], ["a", None], ["a"]])
def test_labels_are_a_list_of_different_ones(labels: Any):
    part = Part({"kind": "object", "labels": labels}, {})
    with pytest.raises(ValueError, match="labels are not consistent"):
        _build_targets(mf.BayesianMLPClassifier(), part)
