"""PyMC models through `fit`: PyMC's own density, rows from its data, its names in the results."""

import os
import pathlib
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield.data import full_batch
from moonfield.model import space
from moonfield.objectives import log_joint
from tests.helpers import Split

pm = pytest.importorskip("pymc", reason="PyMC is not installed")
pytestmark = [
    pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS"),
    pytest.mark.filterwarnings("ignore::moonfield.MoonfieldWarning"),  # short fits, and a network
]

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X @ np.array([1.0, -0.5, 0.2]) + 0.3 + 0.4 * RNG.normal(size=40)
GROUP = np.arange(40) % 4


def regression() -> Any:
    with pm.Model(coords={"feature": ["a", "b", "c"]}) as model:
        x = pm.Data("x", X, dims=("row", "feature"))
        slope = pm.Normal("slope", 0.0, 1.0, dims="feature")
        level = pm.Normal("level", 0.0, 5.0)
        sd = pm.HalfCauchy("sd", 2.5)
        mean = pm.Deterministic("mean", level + x @ slope)
        pm.Normal("y", mean, sd, observed=Y, dims="row")
    return model


def grouped() -> Any:
    coords = {"group": ["north", "east", "south", "west"], "row": range(100, 140)}
    with pm.Model(coords=coords) as model:
        group = pm.Data("group_of_row", GROUP, dims="row")
        y = pm.Data("y_data", Y, dims="row")
        centre = pm.Normal("centre", 0.0, 1.0)
        spread = pm.HalfNormal("spread", 1.0)
        level = pm.Normal("level", centre, spread, dims="group")
        pm.Normal("y", level[group], 0.5, observed=y, dims="row")
    return model


def beta_binomial() -> Any:
    with pm.Model() as model:
        share = pm.Beta("share", 2.0, 3.0)
        upper = pm.Gamma("upper", 2.0, 1.0)
        size = pm.Uniform("size", 0.0, upper)  # the bounds of its transform are another variable
        pm.BetaBinomial("y", alpha=1.0 + size, beta=1.0 + share, n=12, observed=np.arange(10))
    return model


def network(X: np.ndarray, y: np.ndarray) -> Any:
    """The classic notebook's model."""
    with pm.Model() as model:
        inputs, targets = pm.Data("X", X), pm.Data("y_data", y)
        first = pm.Normal("first", 0.0, 1.0, shape=(2, 5))
        second = pm.Normal("second", 0.0, 1.0, shape=(5, 5))
        last = pm.Normal("last", 0.0, 1.0, shape=(5,))
        hidden = pm.math.tanh(pm.math.dot(inputs, first))
        hidden = pm.math.tanh(pm.math.dot(hidden, second))
        p = pm.math.sigmoid(pm.math.dot(hidden, last))
        pm.Bernoulli("y", p=p, observed=targets)
    return model


MODELS = {
    "regression": regression,
    "grouped": grouped,
    "beta-binomial": beta_binomial,
    "network": lambda: network(X[:, :2], (Y > 0).astype(int)),
}


def joint(program: Any, z: jax.Array, data: Any = None) -> jax.Array:
    model, rows = program.bind(data)
    return log_joint(model, space(model), z, jax.device_put(full_batch(rows)), 1.0)


SLOW = ("beta-binomial", "grouped")


@pytest.mark.parametrize(
    "name", [pytest.param(it, marks=pytest.mark.slow if it in SLOW else ()) for it in MODELS]
)
def test_the_joint_density_is_pymcs(name: str, x64: None) -> None:
    theirs = MODELS[name]()
    program = mf.interop.pymc.program(theirs)
    model, _ = program.bind()
    want = theirs.compile_logp(mode="FAST_COMPILE")
    for seed in range(3):
        z = jnp.asarray(np.random.default_rng(seed).normal(size=space(model).size))
        params, _ = space(model).constrain(z)
        values = {theirs.rvs_to_values[theirs[n]].name: np.asarray(v) for n, v in params.items()}
        np.testing.assert_allclose(joint(program, z), want(values), rtol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_start_is_on_the_variables_own_scale(name: str, x64: None) -> None:
    model, _ = mf.interop.pymc.program(MODELS[name]()).bind()
    params = model.init(jax.random.key(0))
    again = model.from_start(model.as_start(params))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8), again, params)


@pytest.mark.parametrize("size", [1, 7])
def test_batches_average_to_the_whole(size: int, x64: None) -> None:
    program = mf.interop.pymc.program(regression())
    model, rows = program.bind()
    every = full_batch(rows)
    z = jnp.asarray(np.random.default_rng(2).normal(size=space(model).size))
    sums = []
    for part in np.split(np.arange(40), np.arange(size, 40, size)):
        batch = jax.device_put(jax.tree.map(lambda leaf, p=part: leaf[p], every))
        value = log_joint(model, space(model), z, batch, 40 / len(part))
        sums.append(value * len(part) / 40)
    np.testing.assert_allclose(sum(sums), joint(program, z), rtol=1e-10)


@pytest.mark.slow
def test_the_network_of_the_notebook(moons: Split, model: mf.BayesianNetwork) -> None:
    program = mf.interop.pymc.program(network(moons.X, moons.y))
    options: dict[str, Any] = {"method": "advi", "steps": 5_000, "restarts": 2}
    fitted = mf.fit(program, **options)
    native = mf.fit(model, moons.X, moons.y, **options).diagnostics
    ours = fitted.diagnostics
    # Both have several optima of nearly the same height; the best of two is compared.
    error = np.hypot(ours.elbo_se, native.elbo_se)
    assert abs(ours.elbo - native.elbo) < 4 * error
    seven = fitted.predict({"X": moons.X_test[:7]})
    assert seven.mean.shape == (7,)
    every = fitted.predict(moons.X_test)
    np.testing.assert_array_equal(every.mean[:7], seven.mean)
    assert np.mean(every.label == moons.y_test) > 0.93
    in_batches = mf.fit(program, method="advi", steps=300, batch_size=50)
    assert in_batches.elbo.shape == (300,)


@pytest.mark.slow
def test_other_data_of_the_same_model() -> None:
    program = mf.interop.pymc.program(regression())
    posterior = mf.fit(program, data={"x": X[:10], "y": Y[:10] + 100.0}, method="advi", steps=50)
    assert posterior.diagnostics.rows == 10
    np.testing.assert_allclose(
        posterior.to_datatree(draws=2)["observed_data"]["y"], Y[:10] + 100.0, rtol=1e-6
    )
    for data, error, match in (
        ({"w": X}, ValueError, "no data 'w'"),
        ({"x": X[:, 0]}, ValueError, r"'x'\] must have 2 axes"),
        ({"x": X * np.nan}, ValueError, r"'x'\] is nan"),
        ([X], TypeError, "must map names"),
    ):
        with pytest.raises(error, match=match):
            mf.fit(program, data=data)


@pytest.mark.slow
def test_names_dims_and_labels() -> None:
    posterior = mf.fit(mf.interop.pymc.program(grouped()), method="advi", steps=200)
    tree = posterior.to_datatree(draws=10)
    assert tree["posterior"]["level"].dims == ("chain", "draw", "group")
    assert list(tree["posterior"]["group"].values) == ["north", "east", "south", "west"]
    assert tree["observed_data"]["y"].dims == ("row",)
    assert int(tree["log_likelihood"]["row"][0]) == 100
    assert (tree["posterior"]["spread"] > 0).all()
    draws = posterior.sample(3)
    assert {n: a.shape for n, a in draws.items()} == {
        "centre": (3,),
        "spread": (3,),
        "level": (3, 4),
    }


@pytest.mark.slow
def test_a_saved_posterior(tmp_path: pathlib.Path) -> None:
    program = mf.interop.pymc.program(regression())
    posterior = mf.fit(program, method="advi", steps=100)
    posterior.save(tmp_path / "regression.mf")
    loaded = mf.load(tmp_path / "regression.mf", model=mf.interop.pymc.program(regression()))
    np.testing.assert_array_equal(loaded.predict(X[:5]).mean, posterior.predict(X[:5]).mean)


@pytest.mark.slow
def test_labels_of_other_rows_are_left_out() -> None:
    data = {"group_of_row": GROUP[:10], "y_data": Y[:10]}
    posterior = mf.fit(mf.interop.pymc.program(grouped()), data=data, method="advi", steps=50)
    tree = posterior.to_datatree(draws=5)
    assert tree["observed_data"]["y"].shape == (10,)
    assert tree["observed_data"]["row"].values.tolist() == [*range(10)]  # not from 100 on
    assert list(tree["posterior"]["group"].values) == ["north", "east", "south", "west"]


def test_data_in_the_place_of_the_models_own_are_saved(tmp_path: pathlib.Path) -> None:
    def shifted() -> Any:
        with pm.Model() as model:
            offset, x = pm.Data("offset", 0.0), pm.Data("x", X[:, 0])
            slope = pm.Normal("slope", 0.0, 1.0)
            pm.Normal("y", offset + slope * x, 0.5, observed=pm.Data("y_data", Y))
        return mf.interop.pymc.program(model)

    posterior = mf.fit(shifted(), data={"offset": 5.0}, method="advi", steps=100)
    posterior.save(tmp_path / "shifted.mf")
    loaded = mf.load(tmp_path / "shifted.mf", model=shifted())
    mean = loaded.predict({"x": X[:5, 0]}).mean
    np.testing.assert_array_equal(mean, posterior.predict({"x": X[:5, 0]}).mean)
    assert mean.mean() > 3.0


OBSERVED = {
    "Normal": ({"mu": 0.3, "sigma": 2.0}, [0.1, -1.0]),
    "StudentT": ({"nu": 3.0, "mu": 1.0, "sigma": 2.0}, [0.1, -4.0]),
    "Laplace": ({"mu": 0.3, "b": 2.0}, [0.1, -1.0]),
    "LogNormal": ({"mu": 0.3, "sigma": 0.5}, [0.1, 2.0]),
    "Exponential": ({"lam": 0.3}, [0.1, 2.0]),
    "Gamma": ({"alpha": 2.0, "beta": 3.0}, [0.1, 2.0]),
    "Beta": ({"alpha": 2.0, "beta": 3.0}, [0.1, 0.9]),
    "Bernoulli": ({"p": 0.3}, [0, 1]),
    "Categorical": ({"p": [0.2, 0.5, 0.3]}, [0, 2]),
    "Poisson": ({"mu": 2.5}, [0, 4]),
    "NegativeBinomial": ({"mu": 2.5, "alpha": 1.5}, [0, 4]),
    "Binomial": ({"n": 5, "p": 0.3}, [0, 4]),
}


@pytest.mark.parametrize("name", OBSERVED)
def test_what_is_predicted_has_pymcs_density(name: str, x64: None) -> None:
    from moonfield.interop.pymc.distributions import KINDS, distribution

    arguments, values = OBSERVED[name]
    theirs = pm.__dict__[name].dist(**arguments)
    operation = theirs.owner.op
    with pm.Model():
        parameters = [jnp.asarray(p.eval()) for p in operation.dist_params(theirs.owner)]
    ours = distribution(KINDS[type(operation).__name__], parameters, (2,))
    exact = pm.logp(theirs, np.array(values)).eval()
    np.testing.assert_allclose(ours.log_prob(jnp.asarray(values)), exact, rtol=1e-6)


@pytest.mark.slow
def test_rows_without_inputs() -> None:
    with pm.Model() as theirs:
        pm.Normal("y", pm.Normal("mean", 0.0, 10.0), 0.5, observed=Y)
    posterior = mf.fit(mf.interop.pymc.program(theirs), method="advi", steps=500, batch_size=8)
    assert posterior.predict(None).mean.shape == (1,)
    assert posterior.predict({"y": np.zeros(7)}).sample(3).shape == (3, 7)
    given = posterior.predict({"y": np.zeros(40)}).log_prob(Y)
    rows = posterior.training_log_likelihood(500)
    np.testing.assert_allclose(np.log(np.exp(rows).mean(axis=0)), given, rtol=1e-4)


@pytest.mark.slow
def test_another_distribution_is_fitted_but_not_predicted() -> None:
    posterior = mf.fit(mf.interop.pymc.program(beta_binomial()), method="advi", steps=20)
    assert posterior.training_log_likelihood(3).shape == (3, 10)
    with pytest.raises(ValueError, match=r"distribution of 'y' \(BetaBinomialRV\)"):
        posterior.predict(None)


def _rows_as_constants() -> None:
    pm.Normal("y", X @ pm.Normal("slope", shape=3), 1.0, observed=Y)


def _own_value_for_every_row() -> None:
    pm.Normal("y", pm.Normal("level", shape=40), 1.0, observed=Y)


def _centred_rows() -> None:
    x = pm.Data("x", X[:, 0])
    pm.Normal("y", (x - x.mean()) * pm.Normal("slope"), 1.0, observed=Y)


def _series() -> None:
    y = pm.Data("series", Y)
    pm.AR("y", [pm.Normal("rho")], init_dist=pm.Normal.dist(), observed=y)


def _potential_of_rows() -> None:
    x, slope = pm.Data("x", X[:, 0]), pm.Normal("slope")
    pm.Potential("penalty", (x * slope) ** 2)
    pm.Normal("y", x * slope, 1.0, observed=Y)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_rows_as_constants, "does not run on fewer rows"),
        (_own_value_for_every_row, "does not run on fewer rows"),
        (_centred_rows, "depends on other rows"),
        (_series, "no entry for each row|fewer rows"),
        (_potential_of_rows, "depends on the rows of 'x'"),
    ],
)
@pytest.mark.slow
def test_why_there_are_no_batches(make: Any, why: str) -> None:
    with pm.Model() as theirs:
        make()
    program = mf.interop.pymc.program(theirs)
    with pytest.raises(ValueError, match=f"A batch of rows would say nothing.*({why})"):
        mf.fit(program, batch_size=10)
    assert np.isfinite(mf.fit(program, method="advi", steps=20).elbo).all()


def test_models_that_are_refused(wrong_types: None) -> None:
    with pm.Model() as discrete:
        pm.Normal("y", pm.Poisson("n", 3.0), 1.0, observed=Y)
    with pm.Model() as empty:
        pm.Normal("x")
    with pm.Model() as scaled:
        pm.Normal("y", pm.Normal("x"), 1.0, observed=Y, total_size=400)
    for theirs, error, match in (
        (discrete, ValueError, "'n' is discrete"),
        (empty, ValueError, "observes nothing"),
        (scaled, ValueError, "'y' has a total_size"),
        ("model", TypeError, "must be a pymc.Model"),
    ):
        with pytest.raises(error, match=match):
            mf.interop.pymc.program(theirs)


def test_gradients_far_out_are_finite() -> None:
    """PyTensor's softplus has none beyond 89 in 32 bits."""
    with pm.Model() as theirs:
        x = pm.Data("x", np.array([-300.0, 300.0, 500.0]))
        pm.Bernoulli("y", logit_p=x * pm.Normal("slope"), observed=np.array([1, 0, 1]))
    model, rows = mf.interop.pymc.program(theirs).bind()
    batch = jax.device_put(full_batch(rows))
    slope = jax.grad(lambda z: log_joint(model, space(model), z, batch, 1.0))(jnp.ones(1))
    np.testing.assert_allclose(slope, [-300.0 - 300.0 - 1.0], rtol=1e-5)


FITTED = (
    "import pymc as pm, moonfield as mf\n"
    "with pm.Model() as m: pm.Normal('y', pm.Normal('x'), 1.0, observed=[1.0, 2.0])\n"
    "mf.interop.pymc.program(m).bind()\n"
)
IMPORTED = "import moonfield.interop.pymc.linker\n"
WITH_64_BITS = "import jax\nwith jax.enable_x64(True): import moonfield.interop.pymc.linker\n"


@pytest.mark.parametrize(
    "use", [FITTED, IMPORTED, WITH_64_BITS], ids=["fitted", "imported", "with 64 bits"]
)
@pytest.mark.slow
def test_the_process_is_left_as_it_was(use: str) -> None:
    report = "print(jax.config.jax_enable_x64, len(jax.devices()), os.environ.get('XLA_FLAGS'))"
    environment = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "JAX_ENABLE_X64")}
    out = subprocess.run(
        [sys.executable, "-c", f"import os, jax\n{use}{report}"],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert out.stdout.split() == ["False", "1", "None"]


@pytest.mark.slow
def test_sites_for_other_rows() -> None:
    posterior = mf.fit(mf.interop.pymc.program(regression()), method="laplace")
    new = X[:7] + 1.0
    sites = posterior.sites({"x": new}, draws=300)
    assert {name: array.shape for name, array in sites.items()} == {
        "mean": (300, 7),
        "y": (300, 7),
    }
    draws = posterior.sample(300)
    expected = draws["level"][:, None] + np.asarray(draws["slope"]) @ new.T
    np.testing.assert_allclose(sites["mean"], expected, rtol=1e-4, atol=1e-4)
    residual = (sites["y"] - sites["mean"]) / np.asarray(draws["sd"])[:, None]
    assert abs(residual.mean()) < 4.5 / np.sqrt(residual.size)
    assert abs(residual.std() - 1.0) < 4.5 / np.sqrt(2.0 * residual.size)
    assert set(posterior.sites({"x": new}, ["mean"], draws=5)) == {"mean"}
    with pytest.raises(ValueError, match="no such site 'slope'"):
        posterior.sites({"x": new}, ["slope"])
    with pytest.raises(ValueError, match="needs 'x'"):
        posterior.sites({})
