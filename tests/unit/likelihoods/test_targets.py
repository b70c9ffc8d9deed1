"""Targets outside the support are errors that name the first bad row."""

import numpy as np
import pytest

import moonfield as mf
from moonfield import likelihoods

BAD = [
    (likelihoods.Bernoulli(), 1, 2.0, "classes 0 to 1"),
    (likelihoods.Bernoulli(), 1, 0.5, "classes 0 to 1"),
    (likelihoods.Categorical(), 3, 3.0, "classes 0 to 2"),
    (likelihoods.Categorical(), 3, -1.0, "classes 0 to 2"),
    (likelihoods.Poisson(), 1, -1.0, "counts"),
    (likelihoods.Poisson(), 1, 1.5, "counts"),
    (likelihoods.NegativeBinomial(), 1, 2.5, "counts"),
]


@pytest.mark.parametrize(("likelihood", "outputs", "value", "what"), BAD)
def test_fit_names_the_first_bad_row(
    likelihood: likelihoods.AbstractLikelihood, outputs: int, value: float, what: str
) -> None:
    model = mf.BayesianNetwork(mf.nets.MLP([2, outputs]), mf.priors.Normal(), likelihood)
    y = np.zeros(9)
    y[[4, 7]] = value
    with pytest.raises(ValueError, match=rf"{what}.*row 4.*{value}"):
        mf.fit(model, np.ones((9, 2)), y, steps=1)


def test_several_targets_name_the_row() -> None:
    model = mf.BayesianNetwork(mf.nets.MLP([2, 3]), mf.priors.Normal(), likelihoods.Poisson())
    y = np.ones((5, 3))
    y[2, 1] = -4.0
    with pytest.raises(ValueError, match="row 2"):
        mf.fit(model, np.ones((5, 2)), y, steps=1)


def test_classes_hint_at_an_encoder() -> None:
    with pytest.raises(ValueError, match="LabelEncoder"):
        likelihoods.Categorical().check_targets(np.asarray([1.0, 2.0, 3.0]), 3)


def test_categorical_needs_an_output_per_class() -> None:
    model = mf.BayesianNetwork(mf.nets.MLP([2, 1]), mf.priors.Normal(), likelihoods.Categorical())
    with pytest.raises(ValueError, match="one output per class"):
        mf.fit(model, np.ones((4, 2)), np.zeros(4), steps=1)


def test_shape_of_targets_is_checked() -> None:
    model = mf.BayesianNetwork(mf.nets.MLP([2, 3]), mf.priors.Normal(), likelihoods.Normal())
    with pytest.raises(ValueError, match=r"y must have shape \(4, 3\).*got \(4,\)"):
        mf.fit(model, np.ones((4, 2)), np.zeros(4), steps=1)


@pytest.mark.parametrize("likelihood", [likelihoods.Bernoulli(), likelihoods.Poisson()])
def test_prediction_checks_targets_too(likelihood: likelihoods.AbstractLikelihood) -> None:
    model = mf.BayesianNetwork(mf.nets.MLP([2, 1]), mf.priors.Normal(), likelihood)
    prediction = model.prior_predictive(np.ones((3, 2)), draws=2)
    with pytest.raises(ValueError, match="row 1"):
        prediction.log_prob([0.0, 2.5, 1.0])
