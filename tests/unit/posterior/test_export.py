"""Artefacts: the numbers of `predict`, for any number of rows, from arrays alone."""

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import moonfield as mf
from moonfield.io import artefact
from tests.helpers import linear_model, moons_model, posterior_at

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 2))
DRAWS, SEED = 13, 3  # not a whole number of blocks of draws
MOONS = RNG.normal(size=40)


def loader() -> Callable[[Path], Any]:
    """The one of the documentation."""
    assert artefact.__doc__ is not None
    _, _, code = artefact.__doc__.partition("ten lines:\n")
    names: dict[str, Any] = {}
    exec(textwrap.dedent(code), names)
    return names["load"]


def exported(posterior: mf.Posterior, folder: Path, **options: Any) -> tuple[Callable, dict]:
    path = folder / "artefact.npz"
    posterior.export(path, draws=DRAWS, seed=SEED, **options)
    return loader()(path)


def check_same(found: dict[str, jax.Array], prediction: mf.Prediction) -> None:
    """Every field up to some roundings of float32, of the size of its largest entry.

    Mutual information is a difference of entropies, whose size its roundings have.
    """
    wanted = {"mean", "sd", "epistemic", "aleatoric"}
    if prediction.kind == "classes":
        wanted |= {"entropy", "expected_entropy", "mutual_information"}
    assert set(found) == wanted
    for name, array in found.items():
        values = np.asarray(getattr(prediction, name))
        assert array.dtype == np.float32
        assert array.shape == values.shape
        terms = prediction.entropy if name == "mutual_information" else values
        largest = np.abs(np.asarray(terms)).max()
        np.testing.assert_allclose(array, values, rtol=0.0, atol=4e-6 * largest)


@pytest.fixture(scope="module")
def moons_posterior() -> mf.Posterior:
    return posterior_at(moons_model(), MOONS, 0.3)


def test_one_file_takes_any_number_of_rows(moons_posterior: mf.Posterior, tmp_path: Path) -> None:
    predict, about = exported(moons_posterior, tmp_path)
    for rows in (1, 300):
        prediction = moons_posterior.predict(X[:rows], draws=DRAWS, seed=SEED)
        check_same(predict(X[:rows]), prediction)
    other = moons_posterior.predict(X, draws=DRAWS, seed=SEED + 1)
    assert np.abs(predict(X)["mean"] - other.mean).max() > 1e-3
    assert about["inputs"] == {"shape": ["rows", "2"], "type": "float32"}
    assert about["outputs"]["mean"] == {"shape": ["rows"], "type": "float32"}
    assert (about["draws"], about["seed"], about["kind"]) == (DRAWS, SEED, "classes")
    assert about["platforms"] == ["cpu", "cuda", "tpu"]


@pytest.mark.slow
def test_a_fixed_number_of_rows_is_that_number(
    moons_posterior: mf.Posterior, tmp_path: Path
) -> None:
    predict, about = exported(moons_posterior, tmp_path, rows=5, platforms="cpu")
    check_same(predict(X[:5]), moons_posterior.predict(X[:5], draws=DRAWS, seed=SEED))
    assert about["inputs"]["shape"] == ["5", "2"]
    assert about["platforms"] == ["cpu"]
    with pytest.raises(ValueError, match="5"):
        predict(X[:6])


def test_several_targets_and_a_latent_noise(tmp_path: Path) -> None:
    posterior = posterior_at(linear_model(2, mf.likelihoods.Normal(), 2), 0.1, 0.5)
    predict, _ = exported(posterior, tmp_path)
    check_same(predict(X), posterior.predict(X, draws=DRAWS, seed=SEED))


@pytest.mark.slow
def test_groups_are_numbers_of_the_names_in_the_file(tmp_path: Path) -> None:
    model = mf.HierarchicalNetwork(
        mf.nets.MLP([2, 1]), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Bernoulli(), ["a", "b"]
    )
    posterior = posterior_at(model, 0.1, 0.5)  # pyright: ignore[reportArgumentType]
    predict, about = exported(posterior, tmp_path)
    assert about["groups"] == ["a", "b", None]
    names = ["a", "b", None, "a"]
    group = np.array([about["groups"].index(name) for name in names])
    prediction = posterior.predict(X[:4], draws=DRAWS, seed=SEED, groups=names)
    check_same(predict({"x": X[:4], "group": group}), prediction)


def regression(x: Any, y: Any = None) -> None:
    slope = numpyro.sample("slope", dist.Normal(0.0, 1.0).expand([2]).to_event(1))
    sd = numpyro.sample("sd", dist.HalfCauchy(1.0))
    with numpyro.plate("rows", x.shape[0]):
        numpyro.sample("y", dist.Normal(x @ slope, sd), obs=y)


@pytest.mark.slow
def test_a_program_takes_its_arrays_by_name(tmp_path: Path) -> None:
    bound, _ = mf.Program(regression).bind({"x": X, "y": X[:, 0]})
    posterior = posterior_at(bound, 0.1, 0.5)  # pyright: ignore[reportArgumentType]
    predict, about = exported(posterior, tmp_path, X={"x": X[:1]})
    assert about["inputs"] == {"x": {"shape": ["rows", "2"], "type": "float32"}}
    check_same(predict({"x": X}), posterior.predict({"x": X}, draws=DRAWS, seed=SEED))


@pytest.mark.slow
def test_64_bit_posteriors_make_32_bit_artefacts(x64: None, tmp_path: Path) -> None:
    posterior = posterior_at(linear_model(2, mf.likelihoods.Normal(), bias=True), 0.1, 0.5)
    predict, about = exported(posterior, tmp_path)
    assert about["inputs"]["type"] == "float32"
    prediction = posterior.predict(X, draws=DRAWS, seed=SEED)
    assert prediction.mean.dtype == np.float64
    check_same(predict(X.astype(np.float32)), prediction)


def test_the_file_is_plain_and_the_same_each_time(
    moons_posterior: mf.Posterior, tmp_path: Path
) -> None:
    one, other = tmp_path / "one.npz", tmp_path / "other"
    for path in (one, other):
        moons_posterior.export(path, draws=DRAWS)
    assert one.read_bytes() == other.read_bytes()
    with np.load(one, allow_pickle=False) as file:
        assert set(file) == {"about", "program", "draws"}
        assert file["draws"].shape == (DRAWS, 40)
        assert json.loads(str(file["about"]))["version"] == 1
        program = file["program"].tobytes()
    assert b".py" not in program  # nothing names the source, and so the machine
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.npz", "other"]


def coupled(x: Any, y: Any = None) -> None:
    slope = numpyro.sample("slope", dist.Normal(0.0, 1.0))
    numpyro.sample("y", dist.Normal(slope * (x - x.mean()), 1.0).to_event(1), obs=y)


def test_what_cannot_be_exported_says_why(
    moons_posterior: mf.Posterior, tmp_path: Path, wrong_types: None, monkeypatch: Any
) -> None:
    path = tmp_path / "artefact.npz"
    bound, _ = mf.Program(coupled).bind({"x": X[:, 0], "y": X[:, 1]})
    with pytest.raises(ValueError, match="Only predictions row by row can be exported, but"):
        posterior_at(bound, 0.0, 1.0).export(path)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="draws must be a whole number of 1 or more"):
        moons_posterior.export(path, draws=0)
    with pytest.raises(ValueError, match="rows must be a whole number of 1 or more"):
        moons_posterior.export(path, rows=0)
    with pytest.raises(ValueError, match="does not accept a row of shape"):
        moons_posterior.export(path, X[:, :1])
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        moons_posterior.export(tmp_path / "nowhere" / "artefact.npz", draws=1)
    network = eqx.nn.Linear(2, 1, key=jax.random.key(0))
    model = mf.BayesianNetwork(network, mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal(sd=1.0))
    with pytest.raises(ValueError, match="give X, a row or more as for predict"):
        posterior_at(model, 0.0, 1.0).export(path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install 'moonfield\\[export\\]'"):
        moons_posterior.export(path)
    assert not path.exists()
