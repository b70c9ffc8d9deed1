"""Any table leads to predictions or to a clear error: never to NaN, or to an error of JAX."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

import moonfield as mf

QUICK = {"hidden": (4,), "method": "ivon", "steps": 5, "draws": 4, "random_state": 0}
ROWS = 12
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 3))
Y = X[:, 0] + 0.1 * RNG.normal(size=ROWS)
LABELS = np.array(["a", "b"])[(Y > 0.0).astype(int)]

VALUES = st.one_of(
    st.floats(-1e12, 1e12), st.sampled_from([0.0, 1e-300, 1e300, -1e12, np.nan, np.inf])
)


def check_regressor(X, y, **arguments):
    found = mf.BayesianMLPRegressor(**{**QUICK, **arguments}).fit(X, y)
    assert np.isfinite(found.predict(X)).all()
    interval = found.predict_interval(X)
    assert np.isfinite(interval).all()
    assert (interval[..., 0] <= interval[..., 1]).all()


def check_classifier(X, y):
    found = mf.BayesianMLPClassifier(**QUICK).fit(X, y)
    np.testing.assert_allclose(found.predict_proba(X).sum(axis=1), 1.0)
    assert np.isin(found.predict(X), y).all()


@pytest.mark.slow
@settings(max_examples=20)
@given(
    X=arrays(np.float64, (ROWS, 2), elements=VALUES), y=arrays(np.float64, ROWS, elements=VALUES)
)
def test_any_numbers(X, y):
    bad = ~(np.isfinite(X).all() and np.isfinite(y).all())
    if bad:
        with pytest.raises(ValueError, match=r"Input [Xy] contains (NaN|infinity)"):
            check_regressor(X, y)
    else:
        check_regressor(X, y)


@pytest.mark.parametrize(
    "scale", [1e-12, *(pytest.param(scale, marks=pytest.mark.slow) for scale in (1e12, 1e300))]
)
def test_any_scale(scale):
    check_regressor(scale * X, Y)
    check_regressor(X, scale * Y)
    check_classifier(scale * X, LABELS)


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f8", "i1", "u8", "bool", object])
def test_any_dtype(dtype):
    check_regressor(np.abs(3.0 * X).astype(dtype), np.abs(3.0 * Y).astype(dtype))


READ_ONLY = X.copy()
READ_ONLY.setflags(write=False)

TABLES = {
    "read-only": READ_ONLY,
    "column-major": np.asfortranarray(X),
    "strided": np.repeat(X, 2, axis=1)[:, ::2],
    "reversed": X[::-1, ::-1],
    "list": X.tolist(),
    "constant column": np.c_[X, np.full(ROWS, 7.0)],
    "nothing but constants": np.ones((ROWS, 2)),
    "repeated columns": np.c_[X, X],
    "unicode names": pd.DataFrame(X, columns=["α", "β", "🎉"]),
    "nullable": pd.DataFrame(X).convert_dtypes().set_axis(["a", "b", "c"], axis=1),
    "categories": pd.DataFrame({"a": X[:, 0], "k": pd.Categorical(["u", "v"] * 6)}),
    "only text": pd.DataFrame({"k": ["u", "v", "w"] * 4}),
}


@pytest.mark.parametrize("name", TABLES)
def test_any_table(name):
    check_regressor(TABLES[name], Y)


@pytest.mark.slow
def test_ten_thousand_levels():
    levels = pd.DataFrame({"k": [f"level {i}" for i in range(10_000)]})
    with pytest.warns(UserWarning, match="'k' has 10000 different levels"):
        found = mf.BayesianMLPRegressor(**QUICK).fit(levels, np.arange(10_000.0))
    assert np.isfinite(found.predict(levels)).all()


@pytest.mark.parametrize("value", [0.0, 3.0, 1e12, -1e300])
def test_a_target_that_never_varies(value):
    found = mf.BayesianMLPRegressor(hidden=(4,), draws=10, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it may not converge
        found.fit(X, np.full(ROWS, value))
    np.testing.assert_allclose(found.predict(X), value, rtol=1e-6, atol=1e-6)


def test_one_row():
    check_regressor(X[:1], Y[:1])


BAD = {
    "one class": (X, ["a"] * ROWS, "only one class, 'a'"),
    "sparse": (scipy.sparse.csr_array(X), Y, "sparse"),
    "one axis": (Y, Y, "Reshape your data"),
    "three axes": (X[None], Y, "two dimensions"),
    "nothing": (None, Y, "two dimensions"),
    "repeated names": (pd.DataFrame(X, columns=["a", "a", "b"]), Y, "unique column names"),
    "no rows": (X[:0], Y[:0], "0 sample"),
    "no columns": (X[:, :0], Y, "0 feature"),
    "text": (np.array([["a", "b"]] * ROWS), Y, "could not convert string to float"),
    "complex": (X + 1j, Y, "Complex data not supported"),
    "other lengths": (X, Y[:-1], "inconsistent numbers of samples"),
    "mixed labels": (X, np.array([1, "a"] * 6, dtype=object), "label type"),
    "continuous labels": (X, Y, "continuous"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_clear_error(name):
    bad, y, message = BAD[name]
    classes = name in ("one class", "mixed labels", "continuous labels")
    made = mf.BayesianMLPClassifier if classes else mf.BayesianMLPRegressor
    with pytest.raises((ValueError, TypeError), match=message):
        made(**QUICK).fit(bad, y)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden": (0,)}, "hidden"),
        ({"hidden": (2.5,)}, "hidden"),
        ({"hidden": 5}, "hidden"),
        ({"activation": "foo"}, "No activation 'foo'"),
        ({"method": "foo"}, "No method 'foo'"),
        ({"prior_sd": -1.0}, "prior_sd"),
        ({"prior_sd": np.nan}, "prior_sd"),
        ({"draws": 0}, "draws"),
        ({"batch_size": "all"}, "batch_size"),
        ({"missing": "drop"}, "missing"),
        ({"categorical": "all"}, "categorical"),
        ({"random_state": "a"}, "random_state"),
    ],
)
def test_arguments_are_checked_at_fit(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        mf.BayesianMLPRegressor(**{**QUICK, **arguments}).fit(X, Y)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (-1.0, "Negative"),
        (np.nan, "NaN"),
        (np.inf, "infinity"),
        (0.0, "non-zero"),
        (1e300, "float32"),
    ],
)
def test_weights_are_checked(weight, message):
    with pytest.raises(ValueError, match=message):
        mf.BayesianMLPRegressor(**QUICK).fit(X, Y, sample_weight=np.full(ROWS, weight))
