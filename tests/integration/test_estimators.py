"""The estimators end to end: answers, units, labels, weights, tables, files, other tools."""

import pickle

import jax
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_diabetes, load_iris, make_friedman1
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_validate,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import moonfield as mf
from moonfield.estimators import recipe
from moonfield.estimators.online import members_of
from tests.helpers import interrupt_climbs

QUICK = {"method": "ivon", "steps": 300, "draws": 30, "random_state": 0}


def regressor(**arguments):
    return mf.BayesianMLPRegressor(**{"hidden": (8,), **QUICK, **arguments})


def classifier(**arguments):
    return mf.BayesianMLPClassifier(**{"hidden": (8,), **QUICK, **arguments})


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True)


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return X, np.array(["sétosa", "versicolor", "virginica"])[y]


@pytest.fixture(scope="module")
def fitted(diabetes):
    return regressor().fit(*diabetes)


@pytest.fixture(scope="module")
def fitted_classifier(iris):
    return classifier().fit(*iris)


def test_predictions_are_those_of_the_posterior_in_units_of_y(fitted, diabetes):
    X, y = diabetes
    Z = ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32)
    inner = fitted.posterior_.predict(Z, draws=30, seed=fitted.seed_)
    mean, sd = fitted.predict(X, return_std=True)
    np.testing.assert_allclose(mean, y.mean() + y.std() * inner.mean, rtol=1e-5)
    np.testing.assert_allclose(sd, y.std() * inner.sd, rtol=1e-5)
    found = fitted.predict_distribution(X)
    np.testing.assert_array_equal(fitted.predict_interval(X, 0.8), found.interval(0.8))
    np.testing.assert_array_equal(
        fitted.predict_quantiles(X, [0.1, 0.9]), fitted.predict_interval(X, 0.8)
    )
    expected = inner.log_prob((y - y.mean()) / y.std()) - np.log(y.std())
    np.testing.assert_allclose(found.log_prob(y), expected, rtol=1e-4)


@pytest.mark.parametrize(("of_x", "of_y"), [(2.0**-30, 2.0**30), (2.0**40, 2.0**-40)])
def test_units_do_not_matter(fitted, diabetes, of_x, of_y):
    X, y = diabetes
    other = regressor().fit(of_x * X, of_y * y)
    np.testing.assert_array_equal(other.predict(of_x * X), of_y * fitted.predict(X))
    np.testing.assert_array_equal(
        other.predict_interval(of_x * X), of_y * fitted.predict_interval(X)
    )


def test_an_offset_loses_nothing(diabetes, fitted):
    X, y = diabetes
    other = regressor().fit(X + 1e6, y - 1e6)
    np.testing.assert_allclose(other.predict(X + 1e6) + 1e6, fitted.predict(X), rtol=2e-3)


def test_labels_come_back(fitted_classifier, iris):
    X, y = iris
    assert fitted_classifier.classes_.tolist() == ["sétosa", "versicolor", "virginica"]
    probabilities = fitted_classifier.predict_proba(X)
    np.testing.assert_array_equal(
        fitted_classifier.predict(X), fitted_classifier.classes_[probabilities.argmax(axis=1)]
    )
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-12)
    assert fitted_classifier.score(X, y) > 0.9


@pytest.mark.parametrize("labels", [(1, 2, 3), ("b", "a", "c"), (2, 0, 5)])
def test_metrics_take_labels_as_the_classifier_does(labels):
    """Whole numbers too: 1, 2, 3 are not the second to the fourth class."""
    X, y = load_iris(return_X_y=True)
    of = np.array(labels)
    own = classifier().fit(X, of[y])
    known, asked = own.predict_distribution(X), of[y]
    expected = np.mean(own.predict(X) == asked)
    assert float(mf.diagnostics.accuracy(known, asked)) == expected > 0.9
    places = np.searchsorted(np.sort(of), asked)
    log_p = np.log(np.take_along_axis(known.probabilities, places[:, None], axis=1)[:, 0])
    np.testing.assert_allclose(known.log_prob(asked), log_p, atol=1e-4)
    found = mf.diagnostics.Temperature().fit(known, asked).apply(known)
    assert float(mf.diagnostics.accuracy(found, asked)) == expected
    assert mf.diagnostics.ece(known, asked) < 0.3
    assert mf.diagnostics.ece_by_chance(known, simulations=3).max() < 0.3
    with pytest.raises(ValueError, match=r"row 1 of y is '?9'?, which is not among the classes"):
        mf.diagnostics.brier(known, [asked[0], 9, *asked[2:].tolist()])


def test_levels_without_an_input_are_said():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=300), "town": [f"t{i % 120}" for i in range(300)]})
    with pytest.warns(UserWarning, match="'town' has 120 different levels. The 100 .* 13.3%"):
        regressor(steps=5).fit(table, table["x"])


@pytest.mark.slow
def test_two_classes(iris):
    X, y = iris[0][50:], iris[1][50:]
    found = classifier().fit(X, y)
    assert found.predict_proba(X).shape == (100, 2)
    np.testing.assert_array_equal(
        found.predict_proba(X)[:, 1] > 0.5, found.predict(X) == "virginica"
    )


@pytest.mark.parametrize("method", ["map", mf.MAP(1)], ids=["name", "object"])
def test_methods_that_see_all_rows_do_so_however_many(method):
    X = np.random.default_rng(3).normal(size=(1_300, 1))
    found = mf.BayesianMLPRegressor((), method=method, random_state=0).fit(X, 2.0 * X[:, 0])
    assert found.score(X, 2.0 * X[:, 0]) > 0.99


@pytest.mark.slow
def test_several_targets(diabetes):
    X, y = diabetes
    Y = np.stack([y, 1e9 * X[:, 2]], axis=1)
    found = regressor().fit(X, Y)
    assert found.predict(X).shape == (442, 2)
    assert found.predict_interval(X).shape == (442, 2, 2)
    assert found.predict_quantiles(X, [0.1, 0.5, 0.9]).shape == (442, 2, 3)
    sd = found.predict(X, return_std=True)[1] / Y.std(axis=0)
    assert (sd[:, 1] < sd[:, 0]).all()  # each target has a noise sd of its own


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"steps": 3_000}, {"method": "auto", "steps": None}])
def test_heteroscedastic_noise_is_found(options):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1.0, 1.0, size=(400, 1))
    noise = np.where(X[:, 0] > 0.0, 2.0, 0.2)
    found = regressor(heteroscedastic=True, **options).fit(X, noise * rng.normal(size=400))
    aleatoric = found.predict_distribution([[-0.8], [0.8]]).aleatoric
    assert aleatoric[1] / aleatoric[0] == pytest.approx(10.0, rel=0.5)


@pytest.mark.parametrize(
    ("asked", "most", "varies"),
    [("auto", 2e10, True), ("auto", 1e4, False), (True, 1e4, True), (False, 2e10, False)],
)
def test_noise_varies_where_it_is_asked_for_or_affordable(asked, most, varies, monkeypatch):
    monkeypatch.setattr(recipe, "_MOST_VARYING", most)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 9))  # 10 weights, then 20: 12,000 products
    found = mf.BayesianMLPRegressor((), heteroscedastic=asked, random_state=0)
    found.fit(X, X.sum(axis=1) + np.exp(2.0 * X[:, 0]) * rng.normal(size=120))
    assert found.posterior_.diagnostics.method == "laplace"
    assert found.posterior_.model.likelihood.head is varies
    assert found.predict_distribution(X[:2]).aleatoric.shape == (2,)


def test_noise_does_not_vary_where_nothing_speaks_for_it():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 9))
    found = mf.BayesianMLPRegressor((), random_state=0)
    found.fit(X, X.sum(axis=1) + rng.normal(size=120))
    assert found.posterior_.diagnostics.facts["modes_of_even_noise"] > 0
    assert np.ptp(found.predict_distribution(X).aleatoric) < 0.1


def test_the_keyboard_ends_the_comparison_of_noises_too(monkeypatch):
    calls = interrupt_climbs(monkeypatch)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2))
    found = mf.BayesianMLPRegressor((5,), random_state=0).fit(X, X[:, 0] + rng.normal(size=120))
    assert found.posterior_.result is mf.Result.interrupted
    assert len(calls) == 2
    assert np.isfinite(found.predict(X)).all()


@pytest.mark.slow
def test_two_hidden_layers_are_not_lost_in_the_noise_of_steps():
    X, y = make_friedman1(1000, noise=1.0, random_state=0)
    found = mf.BayesianMLPRegressor((50, 50), random_state=0).fit(X[:800], y[:800])
    assert found.posterior_.diagnostics.method == "ivon"
    assert np.sqrt(np.mean((found.predict(X[800:]) - y[800:]) ** 2)) < 1.3  # 2.4 with one draw


@pytest.mark.slow
def test_the_network_is_told_by_the_rows_and_the_method():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 2))
    y = np.sin(X[:, 0]) + 0.1 * rng.normal(size=500)

    def sizes(rows, **options):
        found = mf.BayesianMLPRegressor(random_state=0, **options).fit(X[:rows], y[:rows])
        return found.posterior_.model.network.sizes[1:-1]

    assert sizes(500) == (24, 24)
    assert sizes(499) == (50,)
    assert sizes(500, steps=10) == sizes(500, method="map") == (50,)
    assert sizes(500, hidden=(3, 4), method="map") == (3, 4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_small_tables_with_much_noise_are_not_interpolated(seed, diabetes):
    X_train, X_test, y_train, y_test = train_test_split(
        *diabetes, train_size=300, random_state=seed
    )
    found = mf.BayesianMLPRegressor(random_state=0).fit(X_train, y_train)
    linear = RidgeCV(np.logspace(-3, 3, 20)).fit(X_train, y_train)
    assert found.score(X_test, y_test) > linear.score(X_test, y_test) - 0.05
    noise = stats.norm(linear.predict(X_test), np.std(y_train - linear.predict(X_train)))
    log_score = found.predict_distribution(X_test).log_prob(y_test).mean()
    assert log_score > noise.logpdf(y_test).mean() - 0.05


def test_rows_of_weight_0_are_absent(diabetes):
    X, y = diabetes
    weights = (np.arange(442) % 3 > 0).astype(float)
    weighted = regressor().fit(X, y, sample_weight=weights)
    without = regressor().fit(X[weights > 0], y[weights > 0], sample_weight=np.ones(294))
    np.testing.assert_array_equal(weighted.predict(X), without.predict(X))


def test_balanced_classes_count_the_same(iris):
    X, y = iris[0][50:120], iris[1][50:120]  # 50 of one, 20 of the other
    balanced = classifier(class_weight="balanced").fit(X, y)
    weights = np.where(y == "virginica", 70 / 40, 70 / 100)
    by_hand = classifier().fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(balanced.predict_proba(X), by_hand.predict_proba(X))
    twice = classifier(class_weight={"virginica": 70 / 40, "versicolor": 70 / 100}).fit(X, y)
    np.testing.assert_array_equal(balanced.predict_proba(X), twice.predict_proba(X))


def test_balance_is_of_weights_of_rows(iris):
    X, y = iris[0][50:120], iris[1][50:120]
    weights = np.where(np.arange(70) % 2 > 0, 2.0, 1.0)
    totals = {label: weights[y == label].sum() for label in ("versicolor", "virginica")}
    balanced = classifier(class_weight="balanced").fit(X, y, sample_weight=weights)
    shares = weights.sum() / 2.0 / np.asarray([totals[label] for label in y])
    by_hand = classifier().fit(X, y, sample_weight=weights * shares)
    np.testing.assert_allclose(
        balanced.predict_proba(X), by_hand.predict_proba(X), rtol=1e-4, atol=1e-6
    )


def test_weights_of_classes_are_for_any_labels_and_any_batch(iris):
    X, y = iris[0][50:150], np.array(["1", "2"])[np.repeat([0, 1], 50)]
    online = classifier(class_weight={"2": 3.0}, steps=200).partial_fit(X, y)
    online.partial_fit(X[:20], y[:20])  # without the class that has a weight
    with pytest.raises(ValueError, match=r"class_weight must give.*'3'"):
        classifier(class_weight={"3": 3.0}).fit(X, y)
    with pytest.raises(ValueError, match="class_weight must give"):
        classifier(class_weight={"2": -3.0}).fit(X, y)


def mixed_table():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"größe": rng.normal(size=90), "k": rng.choice(["x", "y", "ż"], size=90)})
    y = table["größe"].to_numpy() + 5.0 * (table["k"] == "x") + 0.1 * rng.normal(size=90)
    return table, y.to_numpy()


def test_tables_of_pandas_and_polars_are_the_same():
    table, y = mixed_table()
    found = regressor(steps=2_000).fit(table, y)
    assert found.feature_names_in_.tolist() == ["größe", "k"]
    assert found.score(table, y) > 0.95
    other = pl.DataFrame({name: table[name].to_list() for name in table})
    np.testing.assert_array_equal(found.predict(other), found.predict(table))
    np.testing.assert_array_equal(
        regressor(steps=2_000).fit(other, y).predict(other), found.predict(table)
    )


def test_an_unseen_level_is_none_of_the_known_ones():
    table, y = mixed_table()
    found = regressor().fit(table, y)
    inputs = found.encoder_.inputs
    unseen = pd.DataFrame({"größe": [found.encoder_.scales.centre[0]], "k": ["new"]})
    inner = found.posterior_.predict(np.zeros((1, inputs)), draws=30, seed=found.seed_)
    np.testing.assert_allclose(found.predict(unseen), found.units_.values(inner.mean), rtol=1e-6)


def test_columns_in_another_order_are_an_error():
    table, y = mixed_table()
    with pytest.raises(ValueError, match="same order"):
        regressor().fit(table, y).predict(table[["k", "größe"]])


def test_missing_values_are_an_error_or_indicated():
    table, y = mixed_table()
    table.loc[3, "größe"] = np.nan
    table.loc[4, "k"] = None
    with pytest.raises(ValueError, match=r"NaN.*missing='indicator'"):
        regressor().fit(table, y)
    found = regressor(missing="indicator", steps=2_000).fit(table, y)
    assert found.score(table, y) > 0.9
    assert found.__sklearn_tags__().input_tags.allow_nan


def test_partial_fit_needs_first_rows_that_vary(diabetes):
    X, y = diabetes
    with pytest.raises(ValueError, match="y does not vary in the first rows"):
        regressor().partial_fit(X[:1], y[:1])
    constant = X.copy()
    constant[:, 3] = 1.0
    with pytest.warns(UserWarning, match=r"1 column\(s\) of numbers do not vary"):
        regressor(steps=20).partial_fit(constant, y)


def test_partial_fit_of_the_first_rows_is_fit(diabetes):
    X, y = diabetes
    np.testing.assert_array_equal(
        regressor().partial_fit(X, y).predict(X), regressor().fit(X, y).predict(X)
    )


def test_yesterdays_posterior_is_todays_prior():
    """A linear model with known scales: online Bayes is exact up to mean-field's independence."""
    rng = np.random.default_rng(2)
    X = np.repeat(np.eye(2) * 2.0 - 1.0, 60, axis=0)  # orthogonal columns: mean-field is exact
    y = X @ [1.0, -0.5] + 0.3 * rng.normal(size=120)
    order = rng.permutation(120)
    X, y = X[order], y[order]
    arguments = {"hidden": (), "steps": 4_000, "draws": 400}
    online = regressor(**arguments).partial_fit(X[:60], y[:60])
    frozen = online.encoder_, online.units_
    online.partial_fit(X[60:90], y[60:90]).partial_fit(X[90:], y[90:])
    assert online.encoder_ is frozen[0]
    assert online.units_ is frozen[1]
    everything = regressor(**arguments).fit(X, y)
    mean, sd = online.predict(np.eye(2) * 2 - 1, return_std=True)
    whole_mean, whole_sd = everything.predict(np.eye(2) * 2 - 1, return_std=True)
    np.testing.assert_allclose(mean, whole_mean, atol=0.05)
    np.testing.assert_allclose(sd, whole_sd, rtol=0.1)


@pytest.mark.slow
def test_online_learning_forgets_little(diabetes):
    X, y = diabetes
    cut = [(0, 100), (100, 200), (200, 300)]
    online = regressor(steps=2_000)
    for begin, end in cut:
        online.partial_fit(X[begin:end], y[begin:end])
    everything = regressor(steps=2_000).fit(X[:300], y[:300])
    last = regressor(steps=2_000).fit(X[200:300], y[200:300])
    held_out = X[300:], y[300:]
    score = {
        name: found.predict_distribution(held_out[0]).log_prob(held_out[1]).mean()
        for name, found in (("online", online), ("all", everything), ("last", last))
    }
    assert score["online"] > score["last"]
    assert score["online"] > score["all"] - 0.1


@pytest.mark.slow
def test_online_learning_goes_on_from_gaussians(diabetes):
    X, y = diabetes
    found = mf.BayesianMLPRegressor((5,), random_state=0).fit(X[:200], y[:200])
    assert found.posterior_.diagnostics.method == "laplace"
    (before, *_) = members_of(found.posterior_)
    gaussian = found.posterior_.approximation.member(0)
    precision = np.linalg.inv(gaussian.scale_tril @ gaussian.scale_tril.T)
    mean, sd = before.approximation.moments()
    np.testing.assert_array_equal(mean, gaussian.mean)
    np.testing.assert_allclose(sd**-2, np.diag(precision), rtol=1e-2)
    count, df = found.posterior_.approximation.count, found.posterior_.model.likelihood.df
    found.partial_fit(X[200:350], y[200:350])
    assert found.posterior_.approximation.count == count
    assert found.posterior_.model.likelihood.df == df
    few = mf.BayesianMLPRegressor((5,), random_state=0).fit(X[200:350], y[200:350])
    scores = [it.predict_distribution(X[350:]).log_prob(y[350:]).mean() for it in (found, few)]
    assert scores[0] > scores[1] - 0.02


@pytest.mark.slow
def test_an_ensemble_is_updated_member_by_member(iris):
    X, y = iris
    method = mf.Ensemble(2, "ivon")
    found = classifier(method=method).fit(X[::2], y[::2])
    found.partial_fit(X[1::2], y[1::2])
    assert found.posterior_.approximation.count == 2
    alone = mf.BayesianMLPClassifier(**{**found.get_params(), "method": "ivon"})
    assert alone.fit(X, y).score(X, y) - found.score(X, y) < 0.05


@pytest.mark.slow
def test_labels_that_come_later_are_announced(iris):
    X, y = iris
    found = classifier().partial_fit(X[:100], y[:100], classes=np.unique(y))
    assert found.predict_proba(X).shape == (150, 3)
    found.partial_fit(X[100:], y[100:])
    with pytest.raises(ValueError, match=r"label 'rosa', first in row 0"):
        found.partial_fit(X[:1], ["rosa"])
    with pytest.raises(ValueError, match="classes"):
        found.partial_fit(X[:1], y[:1], classes=["a", "b"])


def test_a_posterior_of_points_is_no_prior(diabetes):
    X, y = diabetes
    found = regressor(method="ensemble").fit(X[:60], y[:60])
    with pytest.raises(ValueError, match="partial_fit needs a posterior of one normal"):
        found.partial_fit(X[60:], y[60:])


def same_predictions(left, right, X):
    name = "predict_proba" if hasattr(left, "predict_proba") else "predict_interval"
    np.testing.assert_array_equal(getattr(left, name)(X), getattr(right, name)(X))
    np.testing.assert_array_equal(left.predict(X), right.predict(X))


def test_pickled_estimators_answer_the_same(fitted, fitted_classifier, diabetes, iris):
    for found, X in ((fitted, diabetes[0]), (fitted_classifier, iris[0])):
        same_predictions(found, pickle.loads(pickle.dumps(found)), X)


def test_saved_estimators_answer_the_same(fitted, fitted_classifier, diabetes, iris, tmp_path):
    for found, X in ((fitted, diabetes[0]), (fitted_classifier, iris[0])):
        path = tmp_path / "found.mf"
        found.save(path)
        same_predictions(found, mf.load(path), X)
        same_predictions(found, type(found).load(path), X)
        assert mf.load(path).get_params() == found.get_params()


@pytest.mark.slow
def test_saved_tables_keep_names_levels_and_learning(tmp_path):
    table, y = mixed_table()
    table.loc[4, "k"] = None
    found = regressor(missing="indicator").fit(table, np.stack([y, -y], axis=1))
    found.save(tmp_path / "table.mf")
    loaded = mf.BayesianMLPRegressor.load(tmp_path / "table.mf")
    same_predictions(found, loaded, table)
    assert loaded.feature_names_in_.tolist() == ["größe", "k"]
    loaded.partial_fit(table, np.stack([y, -y], axis=1))
    found.partial_fit(table, np.stack([y, -y], axis=1))
    same_predictions(found, loaded, table)


@pytest.mark.parametrize("labels", [[3, 7], [False, True], [2.0, 5.0], ["a", "b"]])
def test_saved_labels_keep_their_type(iris, labels, tmp_path):
    y = np.array(labels)[(iris[1] == "virginica").astype(int)]
    found = classifier(class_weight=dict(zip(labels, [1.0, 2.0], strict=True))).fit(iris[0], y)
    found.save(tmp_path / "labels.mf")
    loaded = mf.load(tmp_path / "labels.mf")
    assert loaded.classes_.tolist() == labels
    assert loaded.predict(iris[0]).dtype.kind == y.dtype.kind
    assert loaded.class_weight == found.class_weight


def test_what_a_file_does_not_keep(diabetes, fitted, tmp_path):
    with pytest.raises(TypeError, match="method is a IVON"):
        regressor(method=mf.IVON()).fit(*diabetes).save(tmp_path / "a.mf")
    fitted.save(tmp_path / "r.mf")
    with pytest.raises(TypeError, match="holds a BayesianMLPRegressor"):
        mf.BayesianMLPClassifier.load(tmp_path / "r.mf")
    with pytest.raises(NotFittedError):
        regressor().save(tmp_path / "b.mf")


def test_a_file_that_was_edited_is_refused(fitted, tmp_path):
    from moonfield.io import read_file, write_file

    path = tmp_path / "found.mf"
    fitted.save(path)
    document = read_file(path)
    for name, value in {
        "type": "Popen",
        "features": 11,
        "seed": -1,
        "names": ["a"],
        "encoder": {"categorical": [0], "indicated": [], "levels": []},
    }.items():
        write_file(path, {**document.content, name: value}, document.tensors)
        with pytest.raises(mf.FileFormatError):
            mf.load(path)
    scale = {"targets.scale": np.float64(-1.0)}
    write_file(path, document.content, {**document.tensors, **scale})
    with pytest.raises(mf.FileFormatError, match="units of its targets"):
        mf.load(path)


def test_pipelines_grids_and_cross_validation(iris):
    X, y = iris
    scaler = StandardScaler().set_output(transform="pandas")
    pipeline = make_pipeline(scaler, classifier())
    grid = GridSearchCV(pipeline, {"bayesianmlpclassifier__prior_sd": [0.3, 1.0]}, cv=2)
    assert grid.fit(X, y).best_score_ > 0.8
    probabilities = cross_val_predict(classifier(), X, y, cv=2, method="predict_proba")
    assert probabilities.shape == (150, 3)
    calibrated = CalibratedClassifierCV(classifier(), cv=2).fit(X, y)
    assert calibrated.score(X, y) > 0.8
    first = grid.best_estimator_[-1]
    assert first.feature_names_in_.tolist() == ["x0", "x1", "x2", "x3"]
    important = permutation_importance(first, grid.best_estimator_[0].transform(X), y, n_repeats=2)
    assert important.importances_mean[2:].max() > important.importances_mean[:2].max()


@pytest.mark.slow
def test_a_grid_in_two_processes(iris):
    X, y = iris
    grid = {"prior_sd": [1.0, 3.0]}
    parallel = GridSearchCV(classifier(), grid, cv=2, n_jobs=2).fit(X, y)
    serial = GridSearchCV(classifier(), grid, cv=2).fit(X, y)
    np.testing.assert_array_equal(
        parallel.cv_results_["mean_test_score"], serial.cv_results_["mean_test_score"]
    )


def test_sample_weights_are_routed(iris):
    X, y = iris
    seen = []

    class Seen(mf.BayesianMLPClassifier):
        def fit(self, X, y, sample_weight=None):
            seen.append(sample_weight)
            return super().fit(X, y, sample_weight)

    with config_context(enable_metadata_routing=True):
        found = Seen(hidden=(8,), **QUICK).set_fit_request(sample_weight=True)
        found.set_score_request(sample_weight=False)
        cross_validate(found, X, y, cv=2, params={"sample_weight": np.arange(1.0, 151.0)})
    assert [len(weights) for weights in seen] == [75, 75]


def test_a_second_fit_of_the_same_shape_compiles_nothing(diabetes, caplog):
    from tests.integration.fits import run

    X, y = diabetes
    regressor().fit(X, y).predict(X)
    other = regressor(prior_sd=1.5, random_state=1)
    assert run(lambda: other.fit(X, y).predict(X), caplog) == []


@pytest.mark.slow
def test_in_float64(diabetes, x64):
    X, y = diabetes
    found = regressor(steps=50).fit(X, y)
    assert jax.tree.leaves(found.posterior_.approximation)[0].dtype == np.float64
    assert np.corrcoef(found.predict(X), y)[0, 1] > 0.5


def test_clones_are_unfitted(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        copy.predict([[0.0] * 10])


def test_scikit_learn_is_not_imported_before_it_is_needed():
    import subprocess
    import sys

    code = (
        "import sys, moonfield as mf; before = 'sklearn' in sys.modules; mf.BayesianMLPRegressor;"
        "sys.exit(before or 'sklearn' not in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_target_keeps_its_name(tmp_path):
    table, y = mixed_table()
    named = regressor(steps=50).fit(table, pd.Series(y, name="größe"))
    assert named.target_name_ == "größe"
    named.save(tmp_path / "named.mf")
    assert mf.load(tmp_path / "named.mf").target_name_ == "größe"
    assert regressor(steps=50).fit(table, y).target_name_ is None
