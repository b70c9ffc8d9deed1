"""Files: what comes back, what is refused, and what survives a failure."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import safetensors.numpy

import moonfield as mf
from moonfield._core.errors import FileFormatError
from moonfield._core.trees import numbers_to_arrays, split
from moonfield.io import (
    FORMAT_VERSION,
    Part,
    build_model,
    describe_approximation,
    describe_model,
    difference,
    read_file,
    undescribed,
    write_file,
)
from moonfield.io.priors import build_distribution, describe_distribution
from moonfield.io.registry import DISTRIBUTIONS, LIKELIHOODS, TRUNCATED
from tests.helpers import linear_model, moons_model, posterior_at, same_bytes

CONTENT = {"text": "N(0, 1) – µ", "list": [1, 2.5, None, True], "nested": {"a": {"b": [[]]}}}
TENSORS = {
    "scalar": np.float32(0.1),
    "matrix": np.arange(6, dtype=np.float64).reshape(2, 3),
    "empty": np.zeros((0, 4), np.float32),
    "flags": np.array([True, False]),
    "counts": np.array([-1, 2**31 - 1], np.int32),
    "half": np.asarray(jnp.ones((2,), jnp.bfloat16)),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.mf"


# ---- the file


def test_content_and_arrays_come_back(path: Path):
    write_file(path, CONTENT, TENSORS)
    document = read_file(path)
    assert document.content == CONTENT
    assert document.tensors.keys() == TENSORS.keys()
    assert all(same_bytes(document.tensors[name], TENSORS[name]) for name in TENSORS)
    assert document.versions["moonfield"] == mf.__version__
    assert document.versions.keys() == {"moonfield", "jax", "numpyro", "equinox", "python"}


def test_arrays_of_any_layout_come_back(path: Path):
    matrix = np.arange(12.0).reshape(3, 4)
    odd = {
        "turned": matrix.T,
        "cut": matrix[:, ::2],
        "big": matrix.astype(">f8"),
        "jax": jnp.ones(2),
    }
    write_file(path, {}, odd)
    found = read_file(path).tensors
    assert all(np.array_equal(found[name], odd[name]) for name in odd)


def test_the_same_contents_make_the_same_bytes(tmp_path: Path):
    write_file(tmp_path / "a", CONTENT, TENSORS)
    write_file(tmp_path / "b", CONTENT, dict(reversed(TENSORS.items())))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_numbers_that_are_not_finite_are_strict_json(path: Path):
    write_file(path, [float("inf"), float("-inf"), float("nan"), np.float32(0.5), (1,)], {})
    content = read_file(path).content
    assert content[:2] == [float("inf"), float("-inf")]
    assert np.isnan(content[2])
    assert content[3:] == [0.5, [1]]
    assert b"NaN" not in path.read_bytes()
    assert b"Infinity" not in path.read_bytes()


def test_any_safetensors_reader_sees_the_arrays(path: Path):
    write_file(path, CONTENT, {"matrix": TENSORS["matrix"]})
    assert np.array_equal(safetensors.numpy.load_file(path)["matrix"], TENSORS["matrix"])


@pytest.mark.parametrize("content", [{"a": object()}, {1: "a"}, b"bytes", {"a": {1, 2}}])
def test_content_must_be_json(path: Path, content: Any):
    with pytest.raises(TypeError, match="JSON"):
        write_file(path, content, {})
    assert list(path.parent.iterdir()) == []


def test_arrays_must_be_of_a_kept_type(path: Path):
    with pytest.raises(TypeError, match=r"names has type <U1; a file keeps .*float32"):
        write_file(path, {}, {"names": np.array(["a"])})


# ---- refusals


def test_a_missing_file_is_not_found(path: Path):
    with pytest.raises(FileNotFoundError, match=r"file\.mf"):
        read_file(path)


def test_a_folder_is_refused(tmp_path: Path):
    with pytest.raises(FileFormatError, match="is not a file"):
        read_file(tmp_path)


def _zip(path: Path) -> bytes:
    np.savez(path, a=np.zeros(100))
    return path.with_suffix(".npz").read_bytes()


STRANGE: dict[str, Callable[[Path], bytes]] = {
    "empty": lambda _: b"",
    "seven bytes": lambda _: b"\0" * 7,
    "zeros": lambda _: b"\0" * 1_000,
    "text": lambda _: b"method,elbo\nadvi,-120.5\n" * 100,
    "pickle": lambda _: pickle.dumps({"a": np.zeros(10)}),
    "zip": lambda path: _zip(path.with_suffix(".npz")),
    "header of a gigabyte": lambda _: (10**9).to_bytes(8, "little") + b"{}" * 100,
    "header of 2**64 bytes": lambda _: b"\xff" * 8 + b"{}" * 100,
    "other safetensors": lambda _: safetensors.numpy.save({"a": np.zeros(3)}),
    "other metadata": lambda _: safetensors.numpy.save({"a": np.zeros(3)}, {"format": "pt"}),
    "no JSON": lambda _: safetensors.numpy.save({}, {"moonfield": "{"}),
    "not strict": lambda _: safetensors.numpy.save({}, {"moonfield": '{"format_version": NaN}'}),
    "deep": lambda _: safetensors.numpy.save({}, {"moonfield": "[" * 100_000}),
    "a list": lambda _: safetensors.numpy.save({}, {"moonfield": "[]"}),
    "no version": lambda _: safetensors.numpy.save({}, {"moonfield": '{"sha256": ""}'}),
    "version as text": lambda _: safetensors.numpy.save(
        {}, {"moonfield": '{"format_version":"1"}'}
    ),
    "version 0": lambda _: safetensors.numpy.save({}, {"moonfield": '{"format_version":0}'}),
    "no checksum": lambda _: safetensors.numpy.save({}, {"moonfield": '{"format_version":1}'}),
    "unknown type": lambda _: safetensors.numpy.save(
        {"a": np.zeros(3, np.int8)}, {"moonfield": "{}"}
    ),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_strange_files_are_refused(path: Path, kind: str):
    path.write_bytes(STRANGE[kind](path))
    with pytest.raises(FileFormatError, match=r"file.mf .*(Save|Give|copy)"):
        read_file(path)


def edit_header(path: Path, edit: Callable[[dict], None]) -> None:
    """Rewrite a file with another header and nothing else changed."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    text = json.loads(data[8 : 8 + length])["__metadata__"]["moonfield"]
    header = json.loads(text)
    edit(header)
    tensors = safetensors.numpy.load(data)
    path.write_bytes(safetensors.numpy.save(tensors, {"moonfield": json.dumps(header)}))


def test_a_future_version_says_to_update(path: Path):
    write_file(path, CONTENT, {})
    edit_header(
        path, lambda header: header.update(format_version=FORMAT_VERSION + 1, sha256="other")
    )
    with pytest.raises(FileFormatError, match=r"newer Moonfield .*2.*pip install --upgrade"):
        read_file(path)


def test_edits_are_found(path: Path):
    write_file(path, CONTENT, {})
    edit_header(path, lambda header: header["content"].update(text="other"))
    with pytest.raises(FileFormatError, match="checksum"):
        read_file(path)


def test_another_layout_of_the_same_contents_is_read(path: Path):
    write_file(path, CONTENT, {"matrix": TENSORS["matrix"]})
    edit_header(path, lambda header: None)  # json.dumps spaces the text differently
    assert read_file(path).content == CONTENT


# ---- failures


@pytest.mark.parametrize("step", ["os.replace", "os.fsync"])
def test_a_failed_write_keeps_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch, step: str):
    write_file(path, "old", {})
    before = path.read_bytes()

    def fail(*_: Any) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(step, fail)
        with pytest.raises(OSError, match="No space"):
            write_file(path, "new", TENSORS)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_file_is_replaced_whole(path: Path):
    write_file(path, "old", TENSORS)
    write_file(path, "new", {})
    assert read_file(path).content == "new"
    assert list(path.parent.iterdir()) == [path]


def test_a_link_keeps_pointing_to_its_file(path: Path):
    write_file(path, "old", {})
    link = path.with_name("link")
    link.symlink_to(path)
    write_file(link, "new", {})
    assert link.is_symlink()
    assert read_file(path).content == "new"


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere"):
        write_file(tmp_path / "nowhere" / "file.mf", {}, {})


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions_are_those_of_any_new_file(path: Path):
    write_file(path, {}, {})
    other = path.with_name("other")
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode


# ---- descriptions

ARGUMENTS = {
    "AsymmetricLaplace": (0.5, 2.0, 1.5),
    "Beta": (2.0, 3.0),
    "Cauchy": (0.5, 2.0),
    "Chi2": (3.0,),
    "Exponential": (2.0,),
    "Gamma": (2.0, 3.0),
    "Gumbel": (0.5, 2.0),
    "HalfCauchy": (2.0,),
    "HalfNormal": (2.0,),
    "InverseGamma": (2.0, 3.0),
    "Kumaraswamy": (2.0, 3.0),
    "Laplace": (0.5, 2.0),
    "LogNormal": (0.5, 2.0),
    "Logistic": (0.5, 2.0),
    "LogUniform": (0.1, 2.0),
    "Normal": (0.5, 2.0),
    "Pareto": (0.5, 3.0),
    "SoftLaplace": (0.5, 2.0),
    "StudentT": (3.0, 0.5, 2.0),
    "Uniform": (-0.1, 2.0),
    "Weibull": (2.0, 3.0),
}
DISTRIBUTION_CASES = {
    **{name: DISTRIBUTIONS[name](*arguments) for name, arguments in ARGUMENTS.items()},
    "LeftTruncatedDistribution": dist.TruncatedNormal(0.5, 2.0, low=0.0),
    "RightTruncatedDistribution": dist.TruncatedCauchy(0.5, 2.0, high=0.1),
    "TwoSidedTruncatedDistribution": dist.TruncatedNormal(0.5, 2.0, low=-0.3, high=0.1),
    "a column each": dist.Normal(jnp.zeros(3), jnp.array([0.1, 0.2, 0.3])),
}


def test_every_distribution_of_the_tables_is_tried():
    assert DISTRIBUTION_CASES.keys() >= DISTRIBUTIONS.keys() | TRUNCATED.keys()
    assert set(ARGUMENTS) == set(DISTRIBUTIONS)


@pytest.mark.parametrize("name", DISTRIBUTION_CASES)
def test_distributions_come_back(path: Path, name: str):
    original = numbers_to_arrays(DISTRIBUTION_CASES[name])
    part = describe_distribution(original)
    write_file(path, part.facts, part.tensors)
    document = read_file(path)
    rebuilt = numbers_to_arrays(build_distribution(Part(document.content, document.tensors)))
    assert type(rebuilt) is type(original)
    assert split(rebuilt)[0] == split(original)[0]
    assert same_bytes(split(rebuilt)[1], split(original)[1])


def test_other_distributions_have_no_description():
    other = dist.FoldedDistribution(dist.Normal(0.0, 1.0))
    assert describe_distribution(other) is None
    assert undescribed(describe_model(linear_model(2, mf.likelihoods.Normal(sd=other)))) == [
        "the likelihood (Normal)"
    ]


class Renamed(dist.Normal):
    """A subclass, under the name of its parent."""


def test_a_class_that_only_has_a_listed_name_has_no_description():
    Renamed.__name__ = "Normal"
    assert describe_distribution(Renamed(0.0, 1.0)) is None


def test_every_likelihood_of_the_table_is_exported():
    assert set(LIKELIHOODS) == set(mf.likelihoods.__all__) - {"AbstractLikelihood", "Head"}


def test_a_model_comes_back():
    model = moons_model()
    part = describe_model(model)
    assert undescribed(part) == []
    rebuilt = build_model(part, 1_000)
    assert split(rebuilt)[0] == split(model)[0]
    assert same_bytes(split(rebuilt)[1], split(model)[1])
    assert difference(part, describe_model(rebuilt)) is None


def test_a_network_larger_than_the_file_is_refused_before_it_is_made():
    part = describe_model(moons_model())
    part.facts["arguments"]["network"]["sizes"] = [2, 10**9, 10**9, 1]
    with pytest.raises(ValueError, match=r"needs 1,\d*,.* weights, but it holds 40 numbers"):
        build_model(part, 40)


def test_an_approximation_of_an_unlisted_family_is_refused():
    class Other(mf.families.AbstractFamily):
        """Has every method, in no table."""

        init = sample = log_prob = entropy = moments = noise_size = mf.families.MeanField.sample

    approximation = posterior_at(moons_model(), 0.0, 1.0).approximation
    other = mf.families.Variational(Other(), approximation.state, approximation.size)
    with pytest.raises(TypeError, match=r"family Other cannot be saved; .*Amortised, Flow"):
        describe_approximation(other)
