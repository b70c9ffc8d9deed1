"""scikit-learn's own checks of the estimators."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import moonfield as mf

ESTIMATORS = (mf.BayesianMLPClassifier, mf.BayesianMLPRegressor)

# At most three, each with its reason.
EXPECTED = {
    mf.BayesianMLPClassifier: {
        "check_sample_weight_equivalence_on_dense_data": "Sums over repeated rows and over "
        "weighted ones round differently in float32, and a fit of many steps does not repeat to "
        "1e-7.",
    },
    mf.BayesianMLPRegressor: {},
}

QUICK = (
    "check_classifiers_one_label",
    "check_classifiers_one_label_sample_weights",
    "check_dataframe_column_names_consistency",
    "check_do_not_raise_errors_in_init_or_set_param",
    "check_estimator_sparse_tag",
    "check_estimators_partial_fit_n_features",
    "check_estimators_unfitted",
    "check_fit1d",
    "check_fit2d_predict1d",
    "check_n_features_in",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
)


def quick_checks():
    """Some checks, of small networks and few steps."""
    for cls in ESTIMATORS:
        estimator = cls(hidden=(5,), method="ivon", steps=200, draws=20)
        for made, check in estimator_checks_generator(estimator):
            if check.func.__name__ in QUICK:
                yield pytest.param(made, check, id=f"{cls.__name__}-{check.func.__name__}")


@pytest.mark.parametrize(("estimator", "check"), list(quick_checks()))
def test_quick_checks(estimator, check, wrong_types):
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@parametrize_with_checks(
    [cls() for cls in ESTIMATORS],
    expected_failed_checks=lambda estimator: EXPECTED[type(estimator)],
    xfail_strict=True,
)
def test_all_checks_with_default_arguments(estimator, check, wrong_types):
    check(estimator)
