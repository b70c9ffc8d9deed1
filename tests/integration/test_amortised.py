"""Programs with an encoder through `fit`: posteriors, predictions, files, errors."""

import pathlib
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import moonfield as mf
from tests.factors import (
    COVARIANCE,
    LEVEL,
    LOADINGS,
    PRECISION,
    SD,
    exact_encoder,
    exact_means,
    factor_rows,
    factors,
    log_evidence,
)
from tests.helpers import in_units_of_error

X = factor_rows(400)
NEW = factor_rows(60, seed=1)


def linear(seed: int = 0, inputs: int = 5, outputs: int = 4) -> eqx.nn.Linear:
    return eqx.nn.Linear(inputs, outputs, key=jax.random.key(seed))


def fit(encoder: Any, x: np.ndarray = X, **options: Any) -> mf.Posterior:
    method = mf.ADVI(family=mf.Amortised(encoder))
    options = {"steps": 1, "batch_size": 50} | options
    return mf.fit(mf.Program(factors), data={"x": x}, method=method, **options)


@pytest.fixture(scope="module")
def exact() -> mf.Posterior:
    """A posterior whose encoder is exact: the step that it took cannot be seen in its draws."""
    method = mf.ADVI(family=mf.Amortised(exact_encoder()), optimizer=_still())
    return mf.fit(mf.Program(factors), data={"x": X}, method=method, steps=1)


def _still() -> Any:
    import optax

    return optax.sgd(0.0)


@pytest.mark.slow
def test_a_trained_encoder_approaches_the_exact_one() -> None:
    posterior = fit(linear(), steps=4_000)
    assert posterior.diagnostics.method == "amortised_advi"
    gap = log_evidence(NEW) - posterior.row_elbo({"x": NEW}, draws=200)
    assert gap.mean() < 0.02  # nats a row: a Kullback-Leibler divergence; about 50 at the start
    start = log_evidence(NEW) - fit(linear()).row_elbo({"x": NEW}, draws=200)
    assert start.mean() > 1.0
    draws = posterior.sites({"x": NEW}, ["f"], draws=500)["f"]
    error = (draws.mean(axis=0) - exact_means(NEW)) * np.sqrt(PRECISION)
    assert np.sqrt(np.mean(error**2)) < 0.2  # of a posterior sd


@pytest.mark.slow
def test_batches_agree_with_all_rows() -> None:
    whole, parts = (fit(linear(), steps=3_000, batch_size=size) for size in (None, 37))
    gap = whole.row_elbo({"x": X}).mean() - parts.row_elbo({"x": X}).mean()
    assert abs(gap) < 0.03
    facts = parts.diagnostics
    assert abs(facts.elbo - log_evidence(X).sum()) < 0.02 * 400 + 4.5 * facts.elbo_se


def test_the_elbo_of_rows_is_their_evidence_where_the_encoder_is_exact(exact: mf.Posterior) -> None:
    np.testing.assert_allclose(exact.row_elbo({"x": NEW}, draws=1), log_evidence(NEW), rtol=1e-4)
    np.testing.assert_allclose(exact.elbo[0], log_evidence(X).sum(), rtol=1e-5)


def test_local_sites_of_rows_are_those_of_the_encoder(exact: mf.Posterior) -> None:
    draws = exact.sites({"x": NEW}, draws=2_000)
    assert {name: array.shape[1:] for name, array in draws.items()} == {
        "f": (60, 2),
        "x": (60, 5),
    }
    means = in_units_of_error(draws["f"], exact_means(NEW))
    spread = in_units_of_error((draws["f"] - exact_means(NEW)) ** 2, 1.0 / PRECISION)
    assert np.abs(means).max() < 4.5
    assert np.abs(spread).max() < 4.5
    one, other = (draws["f"] - exact_means(NEW))[:, :2, 0].T
    assert abs(in_units_of_error(one * other, 0.0)) < 4.5  # rows are drawn independently


def test_functions_of_a_row_see_its_local_sites(exact: mf.Posterior) -> None:
    draws = exact.map(lambda params, row: params["f"], {"x": NEW}, draws=2_000)
    assert draws.shape == (2_000, 60, 2)
    assert np.abs(in_units_of_error(draws, exact_means(NEW))).max() < 4.5
    fresh = exact.map(lambda params, row: params["f"], {}, draws=2_000)[:, 0]
    assert np.abs(in_units_of_error(fresh, 0.0)).max() < 4.5
    assert np.abs(in_units_of_error(fresh**2, 1.0)).max() < 4.5


def test_rows_with_their_data_are_reconstructed(exact: mf.Posterior) -> None:
    prediction = exact.predict({"x": NEW}, draws=4_000)
    variance = (LOADINGS**2) @ (1.0 / PRECISION)
    error = (prediction.mean - LEVEL - exact_means(NEW) @ LOADINGS.T) / np.sqrt(variance / 4_000)
    assert np.abs(error).max() < 4.5
    np.testing.assert_allclose(
        prediction.epistemic, np.broadcast_to(np.sqrt(variance), (60, 5)), rtol=0.1
    )
    np.testing.assert_allclose(prediction.aleatoric, np.full((60, 5), SD), rtol=1e-5)


def test_a_rows_prediction_depends_on_that_row_alone(exact: mf.Posterior) -> None:
    many = exact.predict({"x": NEW}, draws=50)
    few = exact.predict({"x": NEW[[7, 3]]}, draws=50)
    np.testing.assert_array_equal(few.mean, many.mean[[7, 3]])
    np.testing.assert_array_equal(few.sd, many.sd[[7, 3]])


@pytest.mark.slow
def test_without_data_rows_come_from_the_prior(exact: mf.Posterior) -> None:
    prediction = exact.predict({}, draws=4_000)
    assert prediction.rows == 1
    drawn = prediction.sample()
    assert drawn.shape == (4_000, 1, 5)
    assert np.abs(in_units_of_error(drawn[:, 0], LEVEL)).max() < 4.5
    products = (drawn[:, 0, :, None] - LEVEL[:, None]) * (drawn[:, 0, None] - LEVEL)
    assert np.abs(in_units_of_error(products, COVARIANCE)).max() < 4.5
    np.testing.assert_allclose(prediction.sd[0], np.sqrt(np.diag(COVARIANCE)), rtol=0.1)


@pytest.mark.slow
def test_drawn_rows_are_independent(exact: mf.Posterior) -> None:
    row = NEW[:1]
    one, other = (exact.predict({"x": np.repeat(row, 2, axis=0)}).sample(4_000)[:, :, 0]).T
    centred = (one - one.mean()) * (other - other.mean())
    assert abs(in_units_of_error(centred, 0.0)) < 4.5


def test_what_needs_the_density_of_local_sites_says_so(exact: mf.Posterior) -> None:
    assert exact.khat is None
    with pytest.raises(ValueError, match="leaves out local sites"):
        exact.resample()
    with pytest.raises(ValueError, match=r"needs a program fitted with mf\.Amortised"):
        exact.row_elbo({})


def test_log_likelihoods_of_training_rows(exact: mf.Posterior) -> None:
    rows = exact.training_log_likelihood(1_000)
    assert rows.shape == (1_000, 400)
    residual = X - LEVEL - exact_means(X) @ LOADINGS.T
    variance = (LOADINGS**2) @ (1.0 / PRECISION)
    want = -0.5 * (residual**2 + variance).sum(axis=1) / SD**2 - 2.5 * np.log(2 * np.pi * SD**2)
    assert np.abs(in_units_of_error(rows, want)).max() < 5.0
    tree = exact.to_datatree(draws=10, posterior_predictive=True)
    assert tree["posterior_predictive"]["x"].shape == (1, 10, 400, 5)


def conditional(x: Any, y: Any = None) -> None:
    """Global sites, covariates, and local sites in a plate of their own inside that of rows."""
    slope = numpyro.sample("slope", dist.Normal(0.0, 1.0).expand([3]).to_event(1))
    sd = numpyro.sample("sd", dist.HalfNormal(1.0))
    with numpyro.plate("rows", x.shape[0], dim=-2):
        with numpyro.plate("parts", 2, dim=-1):
            part = numpyro.sample("part", dist.LogNormal(0.0, 0.5))
        mean = numpyro.deterministic("mean", x @ slope[:, None] + jnp.sum(part, 1, keepdims=True))
        numpyro.sample("y", dist.Normal(mean, sd), obs=y)


class OfBoth(eqx.Module):
    """An encoder of two arrays."""

    layer: eqx.nn.MLP

    def __init__(self) -> None:
        self.layer = eqx.nn.MLP(4, 4, 8, 1, key=jax.random.key(0))

    def __call__(self, row: dict[str, jax.Array]) -> jax.Array:
        return self.layer(jnp.concatenate([row["x"], row["y"]]))


@pytest.mark.slow
@pytest.mark.parametrize(
    "family",
    [mf.families.MeanField(), mf.families.Mixture(2)],
    ids=lambda it: type(it).__name__,
)
def test_global_sites_have_a_family_of_their_own(family: Any, tmp_path: pathlib.Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    slope, parts = np.array([1.0, -0.5, 0.2]), np.exp(0.5 * rng.normal(size=(200, 2)))
    y = (x @ slope + parts.sum(axis=1) + 0.3 * rng.normal(size=200))[:, None]
    method = mf.ADVI(family=mf.Amortised(OfBoth(), family))
    posterior = mf.fit(
        mf.Program(conditional), data={"x": x, "y": y}, method=method, batch_size=64, steps=2_500
    )
    draws = posterior.sample(300)
    assert {name: array.shape for name, array in draws.items()} == {"slope": (300, 3), "sd": (300,)}
    spread = draws["slope"].std(axis=0)
    assert (np.abs(draws["slope"].mean(axis=0) - slope) < 4.5 * (spread + 0.05)).all()
    generated, rebuilt = (
        posterior.predict({"x": x[:5]}),
        posterior.predict({"x": x[:5], "y": y[:5]}),
    )
    assert generated.mean.shape == rebuilt.mean.shape == (5, 1)
    expected = x[:5] @ slope + 2.0 * np.exp(0.125)  # the prior's mean of both parts
    assert np.abs(generated.mean[:, 0] - expected).max() < 0.3
    assert np.abs(rebuilt.mean - y[:5]).max() < np.abs(generated.mean - y[:5]).max()
    posterior.save(tmp_path / "it.mf")
    loaded = mf.load(tmp_path / "it.mf", model=mf.Program(conditional), encoder=OfBoth())
    np.testing.assert_array_equal(loaded.predict({"x": x[:5], "y": y[:5]}).mean, rebuilt.mean)
    np.testing.assert_array_equal(loaded.predict({"x": x[:5]}).mean, generated.mean)


def test_a_file_needs_the_encoder_again(exact: mf.Posterior, tmp_path: pathlib.Path) -> None:
    path, program = tmp_path / "it.mf", mf.Program(factors)
    exact.save(path)
    loaded = mf.load(path, model=program, encoder=linear(seed=9))
    np.testing.assert_array_equal(loaded.row_elbo({"x": NEW}), exact.row_elbo({"x": NEW}))
    with pytest.raises(ValueError, match=r"mf\.load\(path, model=program, encoder=encoder\)"):
        mf.load(path, model=program)
    with pytest.raises(ValueError, match=r"encoder is not the one.*\(3, 5\)"):
        mf.load(path, model=program, encoder=linear(outputs=3))


def test_a_fit_continues_another() -> None:
    first = fit(linear(), steps=500)
    second = fit(linear(), steps=500, start=first)
    assert second.diagnostics.steps_in_all == 1_000
    assert second.elbo[:50].mean() > first.elbo[:50].mean()


def test_another_data_set_of_the_same_shapes_compiles_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from .fits import run

    fit(linear(), steps=300)
    assert run(lambda: fit(linear(1), factor_rows(400, seed=5), steps=300), caplog) == []


@pytest.mark.slow
def test_double_precision(x64: None) -> None:
    posterior = fit(linear(), steps=100)
    assert posterior.elbo.dtype == posterior.row_elbo({"x": NEW}).dtype == np.float64
    assert posterior.predict({"x": NEW}, draws=5).mean.dtype == np.float64


def no_local_site(x: Any = None) -> None:
    level = numpyro.sample("level", dist.Normal(0.0, 1.0))
    with numpyro.plate("rows", x.shape[0]):
        numpyro.sample("x", dist.Normal(level, 1.0).expand([5]).to_event(1), obs=x)


def inner_rows(x: Any = None) -> None:
    with numpyro.plate("parts", 3, dim=-2), numpyro.plate("rows", x.shape[0], dim=-1):
        numpyro.sample("f", dist.Normal(0.0, 1.0))
    with numpyro.plate("rows", x.shape[0]):
        numpyro.sample("x", dist.Normal(0.0, 1.0).expand([5]).to_event(1), obs=x)


def discrete(x: Any = None) -> None:
    with numpyro.plate("rows", x.shape[0]):
        kind = numpyro.sample("kind", dist.Bernoulli(0.5))
        mean = jnp.broadcast_to(kind[..., None], (*kind.shape, 5)).astype(float)
        numpyro.sample("x", dist.Normal(mean, 1.0).to_event(1), obs=x)


@pytest.mark.parametrize(
    ("program", "match"),
    [
        (no_local_site, r"the program has none.*mf\.families\.MeanField"),
        (inner_rows, r"'f' has shape \(3, 400\).*Make 'rows' the outermost plate"),
        (discrete, "'kind' is a discrete site"),
    ],
)
def test_programs_that_no_encoder_suits(program: Any, match: str) -> None:
    method = mf.ADVI(family=mf.Amortised(linear()))
    with pytest.raises(ValueError, match=match):
        mf.fit(mf.Program(program), data={"x": X}, method=method)


@pytest.mark.parametrize(
    ("encoder", "match"),
    [
        (linear(outputs=3), r"must return 4 numbers.*got shape \(3,\)"),
        (linear(inputs=6), r"does not run on a row of shape \(5,\)"),
    ],
)
def test_encoders_that_do_not_suit_the_program(encoder: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        fit(encoder)


def test_encoders_that_cannot_be_trained(wrong_types: None) -> None:
    with pytest.raises(TypeError, match=r"encoder must be a callable equinox\.Module"):
        mf.Amortised(lambda row: row)
    with pytest.raises(ValueError, match=r"weights are all zero.*equinox\.nn\.MLP"):
        mf.Amortised(mf.nets.MLP([5, 8, 4]))
    with pytest.raises(TypeError, match=r"family must be one of mf\.families but Amortised"):
        mf.Amortised(linear(), mf.Amortised(linear()))
    with pytest.raises(TypeError, match="but Mixture and Amortised"):
        mf.families.Mixture(2, mf.Amortised(linear()))


def test_models_without_rows_of_their_own(model: mf.BayesianNetwork) -> None:
    method = mf.ADVI(family=mf.Amortised(linear()))
    with pytest.raises(ValueError, match=r"Amortised is for an mf\.Program"):
        mf.fit(model, X[:, :2], X[:, 2] > 0, method=method)
    with pytest.raises(ValueError, match="ImportanceWeighted bounds the evidence of all rows"):
        mf.ADVI(family=mf.Amortised(linear()), objective=mf.objectives.ImportanceWeighted(4))


def test_a_failure_names_the_encoders_weight() -> None:
    encoder = eqx.tree_at(lambda it: it.weight, linear(), 1e30 * jnp.ones((4, 5)))
    with pytest.raises(mf.NonFiniteError, match=r"`encoder\.weight`"):
        fit(encoder, steps=50)


@pytest.mark.parametrize("family", [mf.families.FullRank(), mf.families.Kronecker()])
def test_a_program_without_global_sites_suits_any_family(family: Any) -> None:
    def rows(x: Any = None) -> None:
        with numpyro.plate("rows", x.shape[0]):
            factor = numpyro.sample("factor", dist.Normal(0.0, jnp.ones(2)).to_event(1))
            numpyro.sample("x", dist.Normal(factor.sum(-1, keepdims=True), 1.0).to_event(1), obs=x)

    method = mf.ADVI(family=mf.Amortised(linear(0, 1, 4), family))
    posterior = mf.fit(
        mf.Program(rows), data={"x": X[:60, :1]}, method=method, steps=5, batch_size=20
    )
    assert np.isfinite(posterior.elbo).all()
