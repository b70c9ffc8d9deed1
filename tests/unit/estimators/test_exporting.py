"""Artefacts of estimators: raw columns in, units of y out, as `predict_distribution`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import moonfield as mf
from moonfield.cli import main
from moonfield.estimators.columns import Columns
from moonfield.estimators.encoder import learn
from moonfield.predictive import Units
from tests.helpers import posterior_at
from tests.unit.posterior.test_export import check_same, loader

RNG = np.random.default_rng(0)
X = np.stack([RNG.normal(50.0, 3.0, 40), np.full(40, 7.0), RNG.normal(-1.0, 0.1, 40)], axis=1)


def fitted(estimator: Any, likelihood: Any, outputs: int, X: np.ndarray) -> Any:
    """An estimator with a posterior that no data made."""
    estimator.encoder_ = learn(Columns(X, []), (), estimator.missing == "indicator", None)
    network = mf.nets.MLP([estimator.encoder_.inputs, 3, outputs])
    model = mf.BayesianNetwork(network, mf.priors.Normal(0.0, 1.0), likelihood)
    estimator.posterior_ = posterior_at(model, 0.3, 0.3)
    estimator.n_features_in_, estimator.seed_, estimator.target_name_ = 3, 5, "price"
    return estimator


def test_units_of_y_and_missing_numbers(tmp_path: Path) -> None:
    rows = X.copy()
    rows[::3, 0] = np.nan
    regressor = mf.BayesianMLPRegressor(missing="indicator", draws=12)
    fitted(regressor, mf.likelihoods.Normal(), 1, rows).units_ = Units(
        np.array(200.0), np.array(30.0)
    )
    regressor.export(tmp_path / "price.npz")
    predict, about = loader()(tmp_path / "price.npz")
    check_same(predict(rows), regressor.predict_distribution(rows))
    assert (about["target"], about["draws"], about["seed"]) == ("price", 12, 5)
    assert about["columns"] is None


@pytest.mark.slow
def test_labels_are_in_the_file_and_what_is_missing_stays_so(tmp_path: Path) -> None:
    classifier = mf.BayesianMLPClassifier(draws=12)
    fitted(classifier, mf.likelihoods.Categorical(), 3, X).classes_ = np.array(["a", "b", "c"])
    classifier.export(tmp_path / "kind.npz", rows=40)
    predict, about = loader()(tmp_path / "kind.npz")
    check_same(predict(X), classifier.predict_distribution(X))
    assert about["classes"] == ["a", "b", "c"]
    rows = X.copy()
    rows[0, 2] = np.nan
    assert np.isnan(predict(rows)["mean"][0]).all()
    assert np.isfinite(predict(rows)["mean"][1:]).all()


def test_the_command_writes_the_same_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    classifier = fitted(
        mf.BayesianMLPClassifier(draws=12, random_state=5), mf.likelihoods.Bernoulli(), 1, X
    )
    classifier.classes_ = np.array(["a", "b"])
    classifier.feature_names_in_ = np.array(["size", "rooms", "age"], dtype=object)
    model, out = str(tmp_path / "kind.mf"), tmp_path / "kind.npz"
    classifier.save(model)
    assert main(["export", model, "-o", str(out)]) == 0
    assert "it takes size, rooms, age" in capsys.readouterr().out
    classifier.export(tmp_path / "other.npz")
    assert out.read_bytes() == (tmp_path / "other.npz").read_bytes()
    assert main(["export", model, "-o", str(out)]) == 2
    assert "--force" in capsys.readouterr().err


def test_a_categorical_column_is_refused_by_name(tmp_path: Path) -> None:
    classifier = fitted(mf.BayesianMLPClassifier(), mf.likelihoods.Bernoulli(), 1, X)
    classifier.encoder_ = classifier.encoder_._replace(categorical=(1,), levels=(("x",),))
    classifier.feature_names_in_ = np.array(["size", "city", "age"], dtype=object)
    with pytest.raises(ValueError, match="Column 'city' is categorical"):
        classifier.export(tmp_path / "kind.npz")
