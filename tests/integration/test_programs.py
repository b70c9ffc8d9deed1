"""NumPyro models through `fit`: exact densities, batches, new rows, and the traps of the field."""

import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.util import potential_energy

import moonfield as mf
from moonfield.data import full_batch
from moonfield.model import space
from moonfield.objectives import log_joint

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X @ np.array([1.0, -0.5, 0.2]) + 0.3 + 0.4 * RNG.normal(size=40)
GROUP = np.arange(40) % 4
SHORT = pytest.mark.filterwarnings(
    "ignore::moonfield.MoonfieldWarning"
)  # too few steps to be right


def regression(x: Any, y: Any = None) -> None:
    slope = numpyro.sample("slope", dist.Normal(0.0, 1.0).expand([3]).to_event(1))
    level = numpyro.sample("level", dist.Normal(0.0, 5.0))
    sd = numpyro.sample("sd", dist.HalfCauchy(2.5))
    with numpyro.plate("rows", x.shape[0]):
        mean = numpyro.deterministic("mean", level + x @ slope)
        numpyro.sample("y", dist.Normal(mean, sd), obs=y)


def grouped(x: Any, group: Any, groups: int, y: Any = None) -> None:
    centre = numpyro.sample("centre", dist.Normal(0.0, 1.0))
    spread = numpyro.sample("spread", dist.LogNormal(0.0, 1.0))
    with numpyro.plate("groups", groups):
        level = numpyro.sample("level", dist.Normal(centre, spread))
    slope = numpyro.sample("slope", dist.Normal(0.0, 1.0).expand([3]).to_event(1))
    with numpyro.plate("rows", x.shape[0]):
        numpyro.sample("y", dist.Normal(level[group] + x @ slope, 0.5), obs=y)


def dependent_support(y: Any = None) -> None:
    upper = numpyro.sample("upper", dist.LogNormal(0.0, 1.0))
    part = numpyro.sample("part", dist.Uniform(0.0, upper))
    simplex = numpyro.sample("simplex", dist.Dirichlet(jnp.ones(3)))
    with numpyro.plate("rows", y.shape[0]):
        numpyro.sample("y", dist.Normal(part + simplex[0], upper), obs=y)


def weighted_by_factor(x: Any, y: Any = None) -> None:
    slope = numpyro.sample("slope", dist.ImproperUniform(dist.constraints.real, (), (3,)))
    numpyro.factor("penalty", -0.5 * jnp.sum(slope**2))
    with numpyro.plate("rows", x.shape[0]), numpyro.handlers.scale(scale=0.5):
        numpyro.sample("y", dist.Normal(x @ slope, 1.0), obs=y)


def factor_of_rows(x: Any, y: Any = None) -> None:
    slope = numpyro.sample("slope", dist.Normal(0.0, 1.0).expand([3]).to_event(1))
    with numpyro.plate("rows", x.shape[0]):
        numpyro.factor("pull", -0.3 * (x @ slope) ** 2 + x[:, 0])
        numpyro.sample("y", dist.Normal(x @ slope, 1.0), obs=y)


def series(y: Any) -> None:
    level = numpyro.sample("level", dist.Normal(0.0, 1.0))
    decay = numpyro.sample("decay", dist.Uniform(-1.0, 1.0))
    numpyro.sample("steps", dist.Normal(level + decay * y[:-1], 1.0), obs=y[1:])


def mixture(y: Any = None) -> None:
    share = numpyro.sample("share", dist.Beta(2.0, 2.0))
    means = numpyro.sample("means", dist.Normal(0.0, 3.0).expand([2]).to_event(1))
    with numpyro.plate("rows", y.shape[0]):
        kind = numpyro.sample("kind", dist.Bernoulli(share))
        numpyro.sample("y", dist.Normal(means[kind], 1.0), obs=y)


def mixture_summed(y: Any = None) -> None:
    share = numpyro.sample("share", dist.Beta(2.0, 2.0))
    means = numpyro.sample("means", dist.Normal(0.0, 3.0).expand([2]).to_event(1))
    parts = dist.Normal(means, 1.0)
    weights = dist.Categorical(jnp.stack([1.0 - share, share]))
    with numpyro.plate("rows", y.shape[0]):
        numpyro.sample("y", dist.MixtureSameFamily(weights, parts), obs=y)


CASES = {
    "regression": (regression, {"x": X, "y": Y}),
    "grouped": (grouped, {"x": X, "group": GROUP, "groups": 4, "y": Y}),
    "dependent support": (dependent_support, {"y": Y}),
    "factor, scale and a flat prior": (weighted_by_factor, {"x": X, "y": Y}),
    "factor of rows": (factor_of_rows, {"x": X, "y": Y}),
    "series": (series, {"y": Y}),
}


def joint(program: Any, data: dict, z: jax.Array) -> jax.Array:
    model, rows = mf.Program(program).bind(data)
    return log_joint(model, space(model), z, jax.device_put(full_batch(rows)), 1.0)


def z_of(program: Any, data: dict, seed: int) -> jax.Array:
    model, _ = mf.Program(program).bind(data)
    return jnp.asarray(np.random.default_rng(seed).normal(size=space(model).size))


@pytest.mark.parametrize("name", CASES)
def test_the_joint_density_is_numpyros(name: str, x64: None) -> None:
    program, data = CASES[name]
    model, _ = mf.Program(program).bind(data)
    for seed in range(3):
        z = z_of(program, data, seed)
        unconstrained, start = {}, 0
        for path, shape in zip(space(model).paths, space(model).shapes, strict=True):
            size = int(np.prod(shape))
            unconstrained[path] = z[start : start + size].reshape(shape)
            start += size
        want = -potential_energy(
            program, (), {k: _plain(v) for k, v in data.items()}, unconstrained
        )
        np.testing.assert_allclose(joint(program, data, z), want, rtol=1e-10)


def _plain(value: Any) -> Any:
    return jnp.asarray(value) if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize("name", CASES)
def test_constrain_and_unconstrain_are_inverse(name: str, x64: None) -> None:
    program, data = CASES[name]
    model, _ = mf.Program(program).bind(data)
    z = z_of(program, data, 1)
    np.testing.assert_allclose(space(model).unconstrain(space(model).constrain(z)[0]), z, rtol=1e-8)


@pytest.mark.parametrize("name", ["regression", "grouped", "factor of rows"])
@pytest.mark.parametrize("size", [1, 7, 16])
def test_batches_average_to_the_whole(name: str, size: int, x64: None) -> None:
    """The scale of a batch is exact: over an epoch of equal parts the mean is the full density."""
    program, data = CASES[name]
    z = z_of(program, data, 2)
    model, rows = mf.Program(program).bind(data)
    every = full_batch(rows)
    parts = [np.arange(40)[i : i + size] for i in range(0, 40 - 40 % size, size)]
    whole = log_joint(model, space(model), z, jax.device_put(every), 1.0)
    sums = []
    for part in [*parts, np.arange(40)[len(parts) * size :]]:
        if len(part):
            batch = jax.device_put(jax.tree.map(lambda leaf, p=part: leaf[p], every))
            value = log_joint(model, space(model), z, batch, 40 / len(part))
            sums.append(value * len(part) / 40)
    np.testing.assert_allclose(sum(sums), whole, rtol=1e-10)


@pytest.mark.slow
def test_a_fit_in_batches_and_new_rows() -> None:
    posterior = mf.fit(
        mf.Program(regression), data={"x": X, "y": Y}, method="advi", steps=1_500, batch_size=16
    )
    prediction = posterior.predict({"x": X[:7]})
    assert prediction.mean.shape == prediction.sd.shape == (7,)
    assert prediction.sample(5).shape == (5, 7)
    assert prediction.interval(0.9).shape == (7, 2)
    assert np.mean((prediction.mean - Y[:7]) ** 2) < 2 * 0.4**2
    alone = posterior.predict({"x": X[3:4]})
    np.testing.assert_array_equal(alone.mean, prediction.mean[3:4])
    sites = posterior.sites({"x": X[:5]}, draws=20)
    assert {name: array.shape for name, array in sites.items()} == {"mean": (20, 5), "y": (20, 5)}
    rows = posterior.training_log_likelihood(50)
    assert rows.shape == (50, 40)
    assert -2.0 < rows.mean() < 0.0  # a row's density, not 40/16 of it


def test_a_short_fit_of_a_program_warns_once() -> None:
    with pytest.warns(mf.MoonfieldWarning) as caught:
        mf.fit(mf.Program(regression), data={"x": X, "y": Y}, method="advi", steps=20)
    assert len(caught) == 1


@pytest.mark.slow
def test_auto_is_the_most_accurate_that_the_program_affords() -> None:
    data = {"x": X, "y": Y}
    chosen = {
        "by itself": mf.fit(mf.Program(regression), data=data),
        "by steps": mf.fit(mf.Program(regression), data=data, steps=4_000),
    }
    assert {how: p.diagnostics.method for how, p in chosen.items()} == {
        "by itself": "importance",
        "by steps": "fullrank_advi",
    }


@SHORT
def test_draws_are_a_dict_by_site_on_the_constrained_scale() -> None:
    posterior = mf.fit(mf.Program(regression), data={"x": X, "y": Y}, method="advi", steps=500)
    draws = posterior.sample(10)
    assert {name: array.shape for name, array in draws.items()} == {
        "slope": (10, 3),
        "level": (10,),
        "sd": (10,),
    }
    assert (draws["sd"] > 0).all()


@SHORT
def test_plates_name_the_axes_of_a_datatree() -> None:
    program, data = CASES["grouped"]
    tree = mf.fit(mf.Program(program), data=data, method="advi", steps=200).to_datatree(draws=10)
    assert tree["posterior"]["level"].dims == ("chain", "draw", "groups")
    assert tree["log_likelihood"]["y"].shape == (1, 10, 40)
    np.testing.assert_allclose(tree["observed_data"]["y"], Y, rtol=1e-6)


def test_discrete_sites_are_summed_over_exactly(x64: None) -> None:
    z = jnp.asarray([0.3, -1.0, 2.0])
    order = {"y": Y}
    np.testing.assert_allclose(
        joint(mixture, order, z), joint(mixture_summed, order, z), rtol=1e-10
    )


def test_a_discrete_site_without_finite_support() -> None:
    def counts(y: Any = None) -> None:
        n = numpyro.sample("n", dist.Poisson(3.0))
        numpyro.sample("y", dist.Normal(n.astype(float), 1.0), obs=y)

    with pytest.raises(ValueError, match=r"'n' \(Poisson\)"):
        mf.fit(mf.Program(counts), data={"y": 2.0 * np.ones(3)})


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("series", "no plate of the size of its data"),
        ("factor, scale and a flat prior", "'penalty' stands outside the data plate"),
    ],
)
def test_why_there_are_no_batches(name: str, why: str) -> None:
    program, data = CASES[name]
    with pytest.raises(ValueError, match=f"A batch of rows would say nothing.*{why}"):
        mf.fit(mf.Program(program), data=data, batch_size=10)


@pytest.mark.slow
@SHORT
def test_a_plate_of_fixed_size_and_a_site_of_every_row() -> None:
    def fixed(y: Any = None) -> None:
        level = numpyro.sample("level", dist.Normal(0.0, 1.0))
        with numpyro.plate("rows", 40):
            numpyro.sample("y", dist.Normal(level, 1.0), obs=y)

    def local(y: Any = None) -> None:
        with numpyro.plate("rows", y.shape[0]):
            level = numpyro.sample("level", dist.Normal(0.0, 1.0))
            numpyro.sample("y", dist.Normal(level, 1.0), obs=y)

    for program, why in (
        (fixed, "20 of its 40 rows|does not shrink"),
        (local, "'level' has a value"),
    ):
        with pytest.raises(ValueError, match=why):
            mf.fit(mf.Program(program), data={"y": Y}, batch_size=10)
        assert mf.fit(mf.Program(program), data={"y": Y}, method="advi", steps=50).elbo.shape == (
            50,
        )


def centred(x: Any, y: Any = None) -> None:
    slope = numpyro.sample("slope", dist.Normal(0.0, 1.0).expand([3]).to_event(1))
    with numpyro.plate("rows", x.shape[0]):
        mean = (x - x.mean(axis=0)[None]) @ slope
        numpyro.sample("y", dist.Normal(mean, 1.0), obs=y)


def prior_from_rows(x: Any, y: Any = None) -> None:
    slope = numpyro.sample("slope", dist.Normal(0.0, 1.0 + x.std(axis=0)).to_event(1))
    with numpyro.plate("rows", x.shape[0]):
        numpyro.sample("y", dist.Normal(x @ slope, 1.0), obs=y)


@pytest.mark.parametrize(
    ("program", "why"),
    [(centred, "depends on other rows"), (prior_from_rows, "depends on the rows")],
)
def test_rows_that_depend_on_one_another_are_taken_whole(program: Any, why: str, x64: None) -> None:
    data = {"x": X[:37], "y": Y[:37]}  # not a number of rows that needs no padding
    with pytest.raises(ValueError, match=why):
        mf.fit(mf.Program(program), data=data, batch_size=10)
    z = z_of(program, data, 0)
    want = -potential_energy(program, (), {k: _plain(v) for k, v in data.items()}, {"slope": z})
    np.testing.assert_allclose(joint(program, data, z), want, rtol=1e-10)


@SHORT
def test_a_loaded_program_knows_that_its_rows_depend_on_one_another(tmp_path: pathlib.Path) -> None:
    posterior = mf.fit(mf.Program(centred), data={"x": X[:37], "y": Y[:37]}, steps=50)
    posterior.save(tmp_path / "centred.mf")
    loaded = mf.load(tmp_path / "centred.mf", model=mf.Program(centred))
    assert loaded.model.refusal == posterior.model.refusal
    for inputs in ({"x": X[:10]}, None):
        want = posterior.predict(inputs, draws=20)
        np.testing.assert_array_equal(loaded.predict(inputs, draws=20).mean, want.mean)


def tosses(tossed: Any, heads: Any = None) -> None:
    share = numpyro.sample("share", dist.Beta(1.0, 1.0))
    with numpyro.plate("rows", tossed.shape[0]):
        numpyro.sample("heads", dist.Binomial(tossed, share), obs=heads)


@pytest.mark.slow
@SHORT
def test_what_has_no_cdf_is_named() -> None:
    data = {"tossed": np.full(5, 10), "heads": np.array([3, 4, 5, 3, 6])}
    posterior = mf.fit(mf.Program(tosses), data=data, method="advi", steps=50)
    prediction = posterior.predict(data, draws=5)
    for ask in (lambda: prediction.cdf(data["heads"]), lambda: prediction.interval(0.9)):
        with pytest.raises(ValueError, match=r"no cdf of Binomial.*prediction\.sample\(\)"):
            ask()
    assert prediction.sample().shape == (5, 5)


def alone(y: Any = None) -> None:
    level = numpyro.sample("level", dist.Normal(0.0, 3.0))
    with numpyro.plate("rows", y.shape[0]):
        numpyro.sample("y", dist.Normal(level, 0.5), obs=y)


@pytest.mark.parametrize(
    ("conditional", "median"),
    [(dist.LogNormal(0.0, 0.8), 1.0), (dist.Gamma(0.5, 1.0), 0.22747), (dist.Beta(0.5, 0.5), 0.5)],
    ids=["log-normal", "gamma", "beta"],
)
def test_quantiles_of_targets_that_are_positive_or_bounded(
    conditional: dist.Distribution, median: float
) -> None:
    """NumPyro's cdfs are nan outside of the support."""

    def program(x: Any, y: Any = None) -> None:
        numpyro.sample("level", dist.Normal(0.0, 1.0))
        with numpyro.plate("rows", x.shape[0]):
            numpyro.sample("y", conditional, obs=y)

    data = {"x": np.zeros(20), "y": np.full(20, 0.5)}
    prediction = mf.fit(mf.Program(program), data=data, method="laplace").predict(
        {"x": np.zeros(2)}
    )
    np.testing.assert_allclose(prediction.quantile(0.5), median, rtol=1e-3)
    np.testing.assert_array_equal(prediction.cdf(np.full(2, -1.0)), 0.0)
    np.testing.assert_allclose(prediction.cdf(np.full(2, 1e6)), 1.0, rtol=1e-6)


def test_effects_of_new_rows_are_drawn_anew_under_every_draw() -> None:
    """Of the variance of a row that has not been seen, its own effect is the most."""

    def program(x: Any, y: Any = None) -> None:
        level = numpyro.sample("level", dist.Normal(0.0, 1.0))
        with numpyro.plate("rows", x.shape[0]):
            effect = numpyro.sample("effect", dist.Normal(0.0, 2.0))
            numpyro.sample("y", dist.Normal(level + effect, 0.3), obs=y)

    data = {"x": np.zeros(60), "y": 2.0 * np.random.default_rng(0).normal(size=60)}
    with pytest.warns(mf.MoonfieldWarning, match="k-hat"):  # of 61 parameters that go together
        found = mf.fit(mf.Program(program), data=data, method="advi", steps=2_000)
    new = {"x": np.zeros(5)}
    prediction = found.predict(new, draws=500)
    level = found.sample(2_000)["level"]
    sd = np.sqrt(level.var() + 2.0**2 + 0.3**2)
    np.testing.assert_allclose(prediction.sd, sd, rtol=0.12)  # four standard errors
    np.testing.assert_allclose(prediction.mean, level.mean(), atol=4.0 * sd / np.sqrt(500))
    np.testing.assert_allclose(prediction.sample().std(axis=0), sd, rtol=0.12)
    assert np.abs(np.corrcoef(prediction.sample().T)[0, 1:]).max() < 0.2


@pytest.mark.slow
def test_rows_of_which_only_the_target_is_known() -> None:
    posterior = mf.fit(mf.Program(alone), data={"y": Y}, method="laplace")
    for X, rows in ((None, 1), ({}, 1), ({"y": Y[:3]}, 3)):
        prediction = posterior.predict(X)
        assert prediction.mean.shape == (rows,)
        np.testing.assert_allclose(prediction.mean, Y.mean(), atol=0.02)
        np.testing.assert_allclose(prediction.aleatoric, 0.5, rtol=1e-5)


@pytest.mark.slow
def test_a_series_is_predicted_one_step_ahead() -> None:
    posterior = mf.fit(mf.Program(series), data={"y": Y}, method="advi", steps=1_000)
    prediction = posterior.predict({"y": Y})
    assert prediction.rows == 39
    assert prediction.sample(4).shape == (4, 39)
    assert posterior.training_log_likelihood(10).shape == (10, 39)


def test_a_scale_that_starts_far_out(x64: None) -> None:
    far = {"slope": np.zeros(3), "level": 0.0, "sd": 1e4}
    start = {name: jnp.asarray(value, float) for name, value in far.items()}
    posterior = mf.fit(
        mf.Program(regression), data={"x": X, "y": Y}, method="advi", steps=6_000, start=start
    )
    assert 0.3 < np.median(posterior.sample(500)["sd"]) < 0.6


@SHORT
def test_a_saved_program_needs_no_data(tmp_path: pathlib.Path) -> None:
    program, data = CASES["grouped"]
    posterior = mf.fit(mf.Program(program), data=data, method="advi", steps=200)
    posterior.save(tmp_path / "grouped.mf")
    loaded = mf.load(tmp_path / "grouped.mf", model=mf.Program(program))
    inputs = {"x": X[:6], "group": GROUP[:6]}
    np.testing.assert_array_equal(loaded.predict(inputs).mean, posterior.predict(inputs).mean)
    with pytest.raises(ValueError, match="model="):
        mf.load(tmp_path / "grouped.mf")
    with pytest.raises(ValueError, match="no argument 'groups'"):
        mf.load(tmp_path / "grouped.mf", model=mf.Program(regression))


@pytest.mark.parametrize(
    ("data", "error", "match"),
    [
        ({"x": X}, None, None),
        ({"y": Y}, ValueError, "lacks 'x'"),
        ({"x": X, "y": Y, "w": 1.0}, ValueError, "no argument 'w'"),
        (
            {"x": X, "y": np.where(np.arange(40) == 3, np.nan, Y)},
            ValueError,
            r"'y'\] is nan at \(3",
        ),
        ({"x": np.array(["a"] * 40), "y": Y}, TypeError, r"'x'\] must be numeric"),
        ([X, Y], TypeError, "data must map"),
    ],
)
def test_bad_data(data: Any, error: Any, match: Any) -> None:
    if error is None:
        error, match = ValueError, "observes nothing"
    with pytest.raises(error, match=match):
        mf.fit(mf.Program(regression), data=data)


@pytest.mark.slow
@SHORT
def test_bad_inputs_of_a_prediction() -> None:
    posterior = mf.fit(mf.Program(regression), data={"x": X, "y": Y}, method="advi", steps=20)
    for inputs, match in (
        ({}, "needs 'x'"),
        ({"x": X[:, :2]}, r"rows of shape \(2,\), expected \(3,\)"),
        ({"z": X}, "no argument 'z'"),
    ):
        with pytest.raises(ValueError, match=match):
            posterior.predict(inputs)


@SHORT
def test_another_data_set_of_the_same_shapes_compiles_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from .fits import run

    def fit(seed: int) -> Any:
        y = Y + np.random.default_rng(seed).normal(size=40)
        return lambda: mf.fit(
            mf.Program(regression), data={"x": X, "y": y}, method="advi", steps=300
        )

    fit(0)()
    assert run(fit(1), caplog) == []
