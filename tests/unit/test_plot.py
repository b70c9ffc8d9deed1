"""Figures: what they show equals what the posterior says, on the axes that were given."""

import math
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import moonfield as mf
from moonfield import plot
from tests.helpers import linear_model, posterior_at, regression_rows

LAYER = mf.diagnostics.Representations(
    "layers.0", np.random.default_rng(0).normal(size=(4, 9, 3)) * [0.0, 1.0, 2.0] + np.ones(3)
)
CURVE = mf.applications.pruning.PruningCurve(
    "signal_to_noise",
    share=np.array([0.9, 0.0]),
    log_score=np.array([-2.0, -1.0]),
    measure="rmse",
    score=np.array([3.0, 2.0]),
    se=np.array([0.5, 0.25]),
)


@pytest.fixture
def ax() -> Axes:
    return Figure().add_subplot()


@pytest.fixture(scope="module")
def line() -> tuple[mf.Posterior, np.ndarray, np.ndarray]:
    """One input, numbers."""
    X, y = regression_rows(40, 1)
    return posterior_at(linear_model(1, mf.likelihoods.Normal(sd=0.5)), 0.8, 0.1), X, y


@pytest.fixture(scope="module")
def classes() -> tuple[mf.Posterior, np.ndarray, np.ndarray]:
    """Two inputs, three classes."""
    X, _ = regression_rows(60, 2)
    posterior = posterior_at(linear_model(2, mf.likelihoods.Categorical(), outputs=3), 0.5, 1.0)
    return posterior, X, np.arange(60) % 3


def texts(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def offsets(ax: Axes) -> np.ndarray:
    """All points of all scatters."""
    return np.concatenate(
        [np.asarray(c.get_offsets()) for c in ax.collections if len(c.get_offsets())]
    )


def test_each_figure_takes_axes_and_returns_them(posterior, moons, ax):
    drawn = {
        "data": lambda on: plot.data(moons.X, moons.y, on),
        "elbo": lambda on: plot.elbo(posterior, ax=on),
        "predictions": lambda on: plot.predictions(posterior, moons.X, moons.y, on),
        "pruning": lambda on: plot.pruning(CURVE, ax=on),
        "relevance": lambda on: plot.relevance(mf.diagnostics.relevance(posterior, draws=5), on),
        "similarity": lambda on: plot.similarity(LAYER, on),
        "surface": lambda on: plot.surface(posterior, moons.X, resolution=5, draws=4, ax=on),
        "units": lambda on: plot.units(LAYER, on),
        "weights": lambda on: plot.weights(posterior, ax=on),
    }
    assert sorted(drawn) == sorted(plot.__all__)
    for function in drawn.values():
        figure = Figure()
        ax = figure.add_subplot()
        assert function(ax) is ax
        assert ax.get_title(loc="left")


def test_makes_its_own_axes(posterior, moons):
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    try:
        ax = plot.data(moons.X, moons.y)
        assert isinstance(ax, Axes)
        assert ax.figure.number in plt.get_fignums()
    finally:
        plt.close("all")


def test_leaves_global_settings_alone(posterior, moons):
    before = dict(mpl.rcParams)
    for function in (plot.data, lambda X, y, ax: plot.predictions(posterior, X, y, ax)):
        function(moons.X, moons.y, Figure().add_subplot())
    for kind in ("forest", "density"):
        plot.weights(posterior, kind, Figure().add_subplot())
    plot.surface(posterior, moons.X, moons.y, ax=Figure().add_subplot(), resolution=5, draws=4)
    assert dict(mpl.rcParams) == before


# Data


def test_data_shows_every_row_in_its_class(moons, ax):
    plot.data(moons.X, moons.y, ax)
    assert texts(ax) == ["class 0", "class 1"]
    for label, scatter in zip((0, 1), ax.collections, strict=True):
        np.testing.assert_allclose(scatter.get_offsets(), moons.X[moons.y == label], rtol=1e-6)


def test_data_of_one_input_shows_it_against_y(line, ax):
    _, X, y = line
    plot.data(X, y, ax)
    np.testing.assert_allclose(offsets(ax), np.stack([X[:, 0], y], axis=1), rtol=1e-6)


def test_data_of_many_inputs_shows_principal_components(ax):
    X, y = regression_rows(50, 4)
    X[:, 1] = X[:, 0]
    plot.data(X, y, ax)
    shown = offsets(ax)
    np.testing.assert_allclose(shown.mean(axis=0), 0.0, atol=1e-5)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    largest = np.sort(np.linalg.eigvalsh(np.cov(scaled.T, ddof=0)))[::-1]
    np.testing.assert_allclose(shown.var(axis=0), largest[:2], rtol=1e-4)
    assert f"({largest[0] / 4:.0%} of the variance)" in ax.get_xlabel()
    np.testing.assert_allclose(ax.collections[0].get_array(), y, rtol=1e-6)


def test_data_names_columns(moons, ax):
    pd = pytest.importorskip("pandas")
    plot.data(pd.DataFrame(moons.X, columns=["length", "width"]), moons.y, ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("length", "width")


# ELBO


def test_elbo_smooths_by_running_means(posterior, ax):
    plot.elbo(posterior, ax=ax)
    raw, smooth = ax.lines
    np.testing.assert_allclose(raw.get_ydata(), posterior.elbo)
    np.testing.assert_allclose(raw.get_xdata(), 1 + np.arange(600))
    expected = np.convolve(posterior.elbo, np.ones(6) / 6, mode="valid")
    np.testing.assert_allclose(smooth.get_ydata(), expected, rtol=1e-4)
    np.testing.assert_allclose(smooth.get_xdata(), 3.5 + np.arange(595))


def test_elbo_limits_leave_the_first_steps_out(posterior, ax):
    elbo = np.concatenate([np.full(20, -1e6), np.linspace(-200.0, -100.0, 980)])
    plot.elbo(
        mf.Posterior(posterior.model, posterior.approximation, elbo, posterior.diagnostics), ax=ax
    )
    low, high = ax.get_ylim()
    assert -250 < low < -195
    assert -100 < high < -80


def test_elbo_legend_gives_final_values(posterior, ax):
    plot.elbo(posterior, posterior, labels=["one", "two"], ax=ax)
    facts = posterior.diagnostics
    value = f"{facts.elbo:,.1f} ± {facts.elbo_se:.1f}".replace("-", "−")
    assert texts(ax) == [f"one: {value}", f"two: {value}"]


def test_elbo_skips_what_is_not_finite(posterior, ax):
    elbo = np.array([np.nan, -3.0, -2.0, np.inf, -1.0])
    plot.elbo(
        mf.Posterior(posterior.model, posterior.approximation, elbo, posterior.diagnostics), ax=ax
    )
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [2, 3, 5])
    assert np.isfinite(ax.get_ylim()).all()


def test_elbo_errors(posterior):
    with pytest.raises(ValueError, match="at least one"):
        plot.elbo()
    with pytest.raises(ValueError, match="1 posteriors and 2 labels"):
        plot.elbo(posterior, labels=["a", "b"])


# Predictions


def test_predictions_of_classes_mark_errors(posterior, moons, ax):
    prediction = posterior.predict(moons.X_test)
    plot.predictions(prediction, moons.X_test, moons.y_test, ax)
    wrong = prediction.label != moons.y_test
    assert texts(ax)[-1] == f"errors: {wrong.sum()} of 500"
    assert ax.get_title(loc="left").startswith(f"{1 - wrong.mean():.1%}")
    crosses = ax.collections[-1]
    np.testing.assert_allclose(crosses.get_offsets(), moons.X_test[wrong], rtol=1e-6)


def test_predictions_are_paler_where_less_probable(posterior, moons, ax):
    prediction = posterior.predict(moons.X_test)
    plot.predictions(prediction, moons.X_test, moons.y_test, ax)
    ones = prediction.label == 1
    shown = ax.collections[2]
    np.testing.assert_allclose(shown.get_offsets(), moons.X_test[ones], rtol=1e-6)
    distance = 0.88 - shown.get_facecolors()[:, 2]  # of blue in orange: 0.88 palest, 0 deepest
    np.testing.assert_allclose(distance / 0.88, 2 * prediction.mean[ones] - 1, atol=1e-5)


def test_predictions_take_posteriors(posterior, moons, ax):
    plot.predictions(posterior, moons.X_test, moons.y_test, ax)
    wrong = posterior.predict(moons.X_test).label != moons.y_test
    assert texts(ax)[-1] == f"errors: {wrong.sum()} of 500"


def test_predictions_along_one_input(line, ax):
    posterior, X, y = line
    prediction = posterior.predict(X, draws=50)
    plot.predictions(prediction, X, y, ax)
    order = np.argsort(X[:, 0])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), prediction.mean[order])
    assert texts(ax) == ["90% interval", "50% interval", "mean", "observed"]
    band = ax.collections[0].get_paths()[0].vertices
    ends = prediction.interval(0.9)
    assert math.isclose(band[:, 1].min(), ends.min(), rel_tol=1e-6)
    assert math.isclose(band[:, 1].max(), ends.max(), rel_tol=1e-6)


def test_predictions_against_observed(ax):
    X, y = regression_rows(30, 3)
    posterior = posterior_at(linear_model(3, mf.likelihoods.Normal(sd=0.5)), 0.3, 0.1)
    prediction = posterior.predict(X, draws=50)
    plot.predictions(prediction, X, y, ax)
    bars, means = ax.collections
    np.testing.assert_allclose(means.get_offsets(), np.stack([y, prediction.mean], 1), rtol=1e-5)
    ends = np.stack([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends, prediction.interval(0.9), rtol=1e-5)
    inside = ((y >= ends[:, 0]) & (y <= ends[:, 1])).mean()
    assert f"{inside:.0%} of the observed" in ax.get_title(loc="left")


def test_predictions_of_several_targets(ax):
    X, y = regression_rows(30, 2)
    posterior = posterior_at(linear_model(2, mf.likelihoods.Normal(sd=0.5), outputs=2), 0.3, 0.1)
    plot.predictions(posterior.predict(X, draws=50), X, np.stack([y, -y], axis=1), ax)
    assert texts(ax) == ["target 0", "target 1", "90% interval"]


def test_predictions_need_the_same_rows(posterior, moons):
    with pytest.raises(ValueError, match="500 rows, and X has 7"):
        plot.predictions(posterior.predict(moons.X), moons.X[:7], moons.y[:7])


# Surfaces


def grid(X: np.ndarray, resolution: int, margin: float) -> np.ndarray:
    reach = margin * (X.max(axis=0) - X.min(axis=0))
    ends = zip(X.min(axis=0) - reach, X.max(axis=0) + reach, strict=True)
    first, second = (np.linspace(low, high, resolution) for low, high in ends)
    return np.array([[a, b] for b in second for a in first])


def test_surface_knows_the_columns_of_the_fit(ax):
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=["a", "b"])
    model = mf.BayesianNetwork(
        mf.nets.MLP([2, 1]), mf.priors.Normal(), mf.likelihoods.Normal(sd=0.1)
    )
    posterior = mf.fit(model, table, table["a"], method="map", progress=False)
    plot.surface(posterior, table, None, "mean", ax, resolution=5, draws=2)
    want = np.array(ax.images[0].get_array())
    ax.clear()
    other = table.assign(c=0.0)[["c", "b", "a"]]
    plot.surface(posterior, other, None, "mean", ax, resolution=5, draws=2)
    np.testing.assert_allclose(ax.images[0].get_array(), want, atol=1e-6)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("a", "b")


@pytest.mark.parametrize(
    "quantity", ["mean", "sd", "epistemic", "aleatoric", "mutual_information", "entropy"]
)
def test_surface_shows_predictions_for_its_grid(posterior, moons, ax, quantity):
    plot.surface(posterior, moons.X, None, quantity, ax, resolution=7, draws=8, seed=3, margin=0.2)
    rows = grid(moons.X, 7, 0.2)
    expected = getattr(posterior.predict(rows, draws=8, seed=3), quantity)
    image = ax.images[0]
    np.testing.assert_allclose(image.get_array(), expected.reshape(7, 7), atol=1e-5)
    left, right, bottom, top = image.get_extent()
    cell = (right - left) / 7
    assert math.isclose(left + cell / 2, rows[0, 0], rel_tol=1e-5)
    assert math.isclose(top - (top - bottom) / 14, rows[-1, 1], rel_tol=1e-5)


def test_surface_of_probabilities_uses_the_whole_scale(posterior, moons, ax):
    plot.surface(posterior, moons.X, moons.y, ax=ax, resolution=7, draws=8)
    assert ax.images[0].get_clim() == (0.0, 1.0)
    assert ax.figure.axes[1].get_ylabel() == "probability"
    assert texts(ax) == ["class 0", "class 1"]


def test_surface_of_entropy_reaches_log_2(posterior, moons, ax):
    plot.surface(posterior, moons.X, moons.y, "entropy", ax, resolution=7, draws=8)
    assert ax.images[0].get_clim() == (0.0, math.log(2))


def test_surface_of_three_classes(classes, ax):
    posterior, X, y = classes
    plot.surface(posterior, X, y, "mean", ax, resolution=6, draws=8)
    prediction = posterior.predict(grid(X, 6, 0.3), draws=8)
    expected = prediction.probabilities.max(axis=-1).reshape(6, 6)
    np.testing.assert_allclose(ax.images[0].get_array(), expected, atol=1e-5)
    assert texts(ax) == ["class 0", "class 1", "class 2"]


def test_surface_of_three_classes_adds_variances(classes, ax):
    posterior, X, y = classes
    plot.surface(posterior, X, y, "epistemic", ax, resolution=6, draws=8)
    epistemic = posterior.predict(grid(X, 6, 0.3), draws=8).epistemic
    expected = np.sqrt((epistemic**2).sum(axis=-1)).reshape(6, 6)
    np.testing.assert_allclose(ax.images[0].get_array(), expected, atol=1e-5)


def test_surface_of_numbers_colours_rows_on_its_own_scale(ax):
    X, y = regression_rows(30, 2)
    posterior = posterior_at(linear_model(2, mf.likelihoods.Normal(sd=0.5)), 0.3, 0.1)
    plot.surface(posterior, X, y, "mean", ax, resolution=6, draws=8)
    assert ax.collections[0].norm is ax.images[0].norm
    np.testing.assert_allclose(ax.collections[0].get_array(), y, rtol=1e-5)


def test_surface_errors(posterior, line, wrong_types):
    model_of_one, X, _ = line
    with pytest.raises(ValueError, match="two inputs, and X has 1"):
        plot.surface(model_of_one, X)
    with pytest.raises(ValueError, match="'mutual_information' is for classes"):
        plot.surface(model_of_one, X, quantity="mutual_information")
    with pytest.raises(ValueError, match="one of 'mean', 'sd'"):
        plot.surface(posterior, X, quantity="variance")


# Weights


def test_forest_shows_means_and_intervals_of_every_weight(posterior, ax):
    plot.weights(posterior, ax=ax)
    draws = posterior.to_datatree()["posterior"]
    flat = np.concatenate(
        [draws[f"layers.{i}.weight"].to_numpy().reshape(1000, -1) for i in range(3)], axis=1
    )
    shown = offsets(ax)
    np.testing.assert_allclose(shown[:, 0], flat.mean(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(shown[:, 1], np.arange(40)[::-1])
    twigs = np.stack([line.get_xdata() for line in ax.lines[:40]])
    np.testing.assert_allclose(twigs.T, np.quantile(flat, [0.05, 0.95], axis=0), atol=0.02)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[:3] == ["[0, 0]", "[0, 1]", "[1, 0]"]
    assert texts(ax) == ["layers.0.weight", "layers.1.weight", "layers.2.weight"]


def test_density_draws_a_ridge_for_each_weight(posterior, ax):
    plot.weights(posterior, "density", ax, paths="layers.2.*")
    assert texts(ax) == ["layers.2.weight"]
    assert len(ax.get_yticklabels()) == 5
    assert ax.get_title(loc="left") == "5 weights: densities"


def test_weights_of_a_large_network_are_the_clearest(ax):
    model = linear_model(200, mf.likelihoods.Normal(sd=1.0))
    means = np.where(np.arange(200) % 3 == 0, 2.0, 0.0)
    plot.weights(posterior_at(model, means, 0.1), ax=ax)
    assert ax.get_title(loc="left").startswith("80 of 200 weights")
    labels = {label.get_text() for label in ax.get_yticklabels()}
    assert {f"[0, {i}]" for i in range(0, 200, 3)} <= labels


def test_weights_errors(posterior, wrong_types):
    with pytest.raises(ValueError, match=r"'layers\.9' matches nothing"):
        plot.weights(posterior, paths=["layers.9"])
    with pytest.raises(ValueError, match="'forest' or 'density'"):
        plot.weights(posterior, "violin")


# Import


def test_relevance_shows_every_input(ax):
    draws = np.array([[0.5, 2.0, 1.0]] * 4)
    found = mf.diagnostics.Relevance(("a", "b", "c"), draws[0], np.array([[0.0, 3.0]] * 3), draws)
    plot.relevance(found, ax, mark=[1])
    np.testing.assert_array_equal(ax.collections[-1].get_offsets()[:, 1], draws[0])
    colours = ax.collections[-1].get_facecolors()
    assert (colours[0] == colours[2]).all()
    assert (colours[0] != colours[1]).any()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]
    probability = np.array([0.25, 1.0])
    included = mf.diagnostics.Inclusion(("a", "b"), probability, probability, (1, 2))
    other = plot.relevance(included, Figure().add_subplot())
    np.testing.assert_array_equal(other.collections[-1].get_offsets()[:, 1], probability)


def test_relevance_errors(wrong_types):
    with pytest.raises(TypeError, match="must be a Relevance or an Inclusion, got list"):
        plot.relevance([1.0])


def test_importing_moonfield_does_not_import_matplotlib():
    code = "import moonfield, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("library", ["matplotlib", "arviz_plots"])
def test_missing_library_names_the_extra(library):
    code = f"import sys; sys.modules[{library!r}] = None; import moonfield.plot"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"needs {library}" in done.stderr
    assert "moonfield[plot]" in done.stderr


def test_similarity_shows_the_cka_of_every_two_draws(ax):
    drawn = plot.similarity(LAYER, ax).get_images()[0]
    np.testing.assert_allclose(np.asarray(drawn.get_array()), LAYER.cka, rtol=1e-12)
    assert f"{LAYER.stability:.3f}" in ax.get_title(loc="left")


def test_units_stand_by_signal_to_noise(ax):
    heights = [bar.get_height() for bar in plot.units(LAYER, ax).patches]
    ratio = LAYER.signal_to_noise
    np.testing.assert_allclose(heights, [*np.sort(ratio[1:])[::-1], 0.0])  # the first never varies
    assert [text.get_text() for text in ax.get_xticklabels()][-1] == "0"


def test_pruning_curves_run_from_none_to_all(ax):
    line = plot.pruning(CURVE, ax=ax).get_lines()[0]
    assert line.get_xydata().tolist() == [[0.0, 2.0], [0.9, 3.0]]
    band = ax.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (1.5, 4.0)
    assert (texts(ax), ax.get_ylabel()) == (["signal-to-noise"], "rmse")
    with pytest.raises(ValueError, match="at least one curve"):
        plot.pruning(ax=ax)
    with pytest.raises(ValueError, match="do not share axes"):
        plot.pruning(CURVE, CURVE._replace(measure="accuracy"), ax=ax)


def test_predictions_of_an_estimator_take_its_labels(moons, ax):
    X, y = moons[0][:60], np.where(moons[1][:60] > 0, "new", "old")
    options = {"hidden": (3,), "method": "ivon", "steps": 60, "random_state": 0}
    estimator = mf.BayesianMLPClassifier(**options).fit(X, y)
    plot.predictions(estimator.predict_distribution(X), X, y, ax=ax)
    wrong = int((estimator.predict(X) != y).sum())
    assert {*texts(ax)} == {
        *(f"predicted class {label}" for label in set(estimator.predict(X))),
        f"errors: {wrong} of 60",
    }


def test_predictions_of_an_estimator_itself_are_refused(moons, wrong_types):
    estimator = mf.BayesianMLPClassifier()
    with pytest.raises(TypeError, match=r"Of an estimator give predict_distribution\(X\)"):
        plot.predictions(estimator, moons[0], moons[1])


def test_what_makes_no_plane_is_refused(posterior, moons):
    with pytest.raises(ValueError, match="two rows with more; X has shape"):
        plot.data(np.ones((1, 3)), [0.0])
    with pytest.raises(ValueError, match="resolution must be a whole number of 2 or more"):
        plot.surface(posterior, moons[0], resolution=1)
