"""Gradient noise, skipped steps, and checks in function space."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import optax
import pytest

import moonfield as mf
from moonfield.diagnostics import check_predictions, disagreement
from moonfield.inference import supply
from tests.helpers import Split, linear_model, moons_model, posterior_at, regression_rows

X, y = regression_rows(64, 3)


def linear_fit(steps: int, objective=None, **options) -> mf.Posterior:
    model = linear_model(3, mf.likelihoods.Normal(sd=0.5))
    return mf.fit(model, X, y, method=mf.ADVI(objective=objective), steps=steps, **options)


def test_gradient_noise_is_that_of_the_closed_form(x64: None) -> None:
    """d ELBO / d mean = b - P z and d / d log sd = 1 + (b - P z) sd noise, P the precision."""
    posterior = linear_fit(50)
    mean, log_sd = (np.asarray(leaf) for leaf in posterior.approximation.state)
    precision, b = X.T @ X / 0.25 + np.eye(3), X.T @ y / 0.25
    noise = np.random.default_rng(0).normal(size=(100_000, 3))
    slope = b - (mean + np.exp(log_sd) * noise) @ precision
    gradients = np.column_stack([slope, 1.0 + slope * np.exp(log_sd) * noise])
    found = posterior.gradient_noise
    total = gradients.var(axis=0).sum()
    assert found.estimates == 250
    np.testing.assert_allclose(found.noise, np.sqrt(total), rtol=0.25)
    error = 4.5 * np.sqrt(total / found.estimates)
    assert abs(found.signal - np.linalg.norm(gradients.mean(axis=0))) < error


def test_the_signal_is_lost_at_the_optimum() -> None:
    """And of sticking the landing so is the noise: its gradient is exact there."""
    early, late = linear_fit(3), linear_fit(3_000)
    assert early.gradient_noise.signal_to_noise > 1.0
    assert late.gradient_noise.signal_to_noise < 0.3
    facts = late.diagnostics.facts
    assert facts["gradient_signal_to_noise"] == late.gradient_noise.signal_to_noise
    model = linear_model(1, mf.likelihoods.Normal(sd=0.5))
    method = mf.ADVI(objective=mf.objectives.StickingTheLanding())
    exact = mf.fit(model, X[:, :1], y, method=method, steps=3_000)
    sampled = mf.fit(model, X[:, :1], y, steps=3_000)
    assert exact.gradient_noise.noise < 0.2 * sampled.gradient_noise.noise


def test_batches_add_noise() -> None:
    whole, batches = linear_fit(400), linear_fit(400, batch_size=8)
    assert batches.gradient_noise.noise > 1.5 * whole.gradient_noise.noise


def test_a_schedule_is_taken_where_the_fit_left_it() -> None:
    posterior = linear_fit(400, mf.objectives.Tempered(optax.linear_schedule(0.0, 1.0, 100)))
    found = posterior.gradient_noise
    posterior.run = posterior.run._replace(method=mf.ADVI())
    np.testing.assert_allclose(found[:2], posterior.gradient_noise[:2], rtol=1e-3)


@pytest.mark.slow
def test_it_is_none_where_there_is_no_gradient() -> None:
    model = linear_model(3, mf.likelihoods.Normal(sd=0.5))
    assert mf.fit(model, X, y, method="svgd", steps=20).gradient_noise is None
    assert mf.fit(model, X, y, method=mf.Laplace(starts=1)).gradient_noise is None
    assert posterior_at(model, 0.0, 1.0).gradient_noise is None


def spoiling(every: int) -> optax.GradientTransformation:
    """Makes every so-many-th gradient nan."""

    def update(updates, count, params=None):
        bad = count % every == every - 1
        return jnp.where(bad, jnp.nan, updates), count + 1

    return optax.GradientTransformation(lambda params: jnp.zeros((), jnp.int32), update)


@pytest.mark.parametrize("restarts", [1, 2])
def test_skipped_steps_are_counted(restarts: int) -> None:
    optimizer = optax.chain(spoiling(7), optax.apply_if_finite(optax.sgd(1e-4), 3))
    model = linear_model(3, mf.likelihoods.Normal(sd=0.5))
    method = mf.ADVI(optimizer=optimizer)
    posterior = mf.fit(model, X, y, method=method, steps=70, restarts=restarts)
    assert posterior.diagnostics.facts["skipped_steps"] == 10
    assert linear_fit(10).diagnostics.facts["skipped_steps"] == 0


def test_held_out_rows_that_score_much_worse_are_named() -> None:
    rng = np.random.default_rng(0)
    training, worse = rng.normal(-0.1, 0.2, 200), rng.normal(-0.8, 0.2, 200)
    sentences = check_predictions(training, worse, None).sentences
    assert len(sentences) == 1
    assert sentences[0].startswith("Held-out rows score 0.7")
    assert check_predictions(training, training - 0.05, None).sentences == ()  # 2.5 errors off
    assert check_predictions(training, np.asarray([-0.1, -1.2]), None).sentences == ()
    assert check_predictions(training, training + 1.0, None).sentences == ()
    assert check_predictions(None, worse, 0.9).sentences == ()


def test_restarts_that_disagree_are_named() -> None:
    means = np.asarray([[0.0, 1.0], [2.0, 1.0]])  # sds sqrt 2 and 0
    assert disagreement(means, np.asarray([1.0, 1.0])) == pytest.approx(1.0)
    assert disagreement(means, np.asarray([0.5, 0.5])) == pytest.approx(2.0)
    assert "Restarts disagree by 2.0 times" in str(check_predictions(None, None, 2.0))


def test_a_good_fit_of_the_moons(posterior: mf.Posterior, moons: Split) -> None:
    check = posterior.check(moons.X_test, moons.y_test, draws=200)
    prediction = posterior.predict(moons.X_test, draws=200)
    scores = np.asarray(prediction.log_prob(moons.y_test), np.float64)
    assert check.held_out[0] == pytest.approx(scores.mean(), rel=1e-6)
    assert check.held_out[1] == pytest.approx(scores.std(ddof=1) / np.sqrt(500), rel=1e-6)
    assert check.training[0] > -0.3
    assert check.disagreement is None
    assert check.sentences == ()
    assert "held-out rows: -" in str(check)


@pytest.mark.slow
def test_a_network_that_learnt_ten_rows_by_heart(moons: Split) -> None:
    start = mf.fit(moons_model(sd=10.0), moons.X[:10], moons.y[:10], method=mf.MAP(starts=1))
    check = start.check(moons.X_test, moons.y_test, draws=2)
    assert len(check.sentences) == 1
    assert "the fit is too sure of itself" in check.sentences[0]


def test_restarts_of_the_moons(moons: Split) -> None:
    """Short fits from four starts end in different modes; copies of one do not."""
    posterior = mf.fit(moons_model(), moons.X, moons.y, steps=300, restarts=4)
    check = posterior.check(draws=100)
    ends = np.asarray(posterior.run.parameters)
    assert ends.shape == (4, 80)
    assert check.disagreement > 0.1
    same = np.repeat(ends[posterior.run.best][None], 4, axis=0)
    posterior.run = posterior.run._replace(parameters=same)
    assert posterior.check(draws=100).disagreement == pytest.approx(0.0, abs=1e-6)
    lost = ends.copy()
    lost[1:] = np.nan
    posterior.run = posterior.run._replace(parameters=lost, best=0)
    assert posterior.check(draws=20).disagreement is None


def test_what_a_check_needs() -> None:
    model = linear_model(3, mf.likelihoods.Normal(sd=0.5))
    bare = posterior_at(model, 0.0, 1.0)
    with pytest.raises(ValueError, match="y was given without X"):
        bare.check(y=y)
    only = bare.check(X, y, draws=20)
    assert only.training is None
    assert only.held_out[0] < 0.0


@pytest.mark.slow
def test_programs_are_sent_to_khat() -> None:
    def coin(flips):
        p = numpyro.sample("p", dist.Beta(1.0, 1.0))
        with numpyro.plate("rows", len(flips)):
            numpyro.sample("y", dist.Bernoulli(p), obs=flips)

    data = {"flips": np.asarray([1.0, 0.0, 1.0])}
    with pytest.raises(
        TypeError, match=r"check is for networks, got BoundProgram.*posterior\.khat"
    ):
        mf.fit(mf.Program(coin), data=data, method="map").check()


def test_rows_of_weight_0_are_not_what_was_learned_from() -> None:
    X, y = regression_rows(60, 2)
    weights = np.repeat([1.0, 0.0], [20, 40])
    model = linear_model(2, mf.likelihoods.Normal(sd=0.5))
    y = np.where(weights == 1.0, y, 50.0)  # far from anything: as if they were not there
    padded = mf.fit(model, X, y, weights=weights, method="advi", steps=500)
    alone = mf.fit(model, X[:20], y[:20], method="advi", steps=500)
    found, want = (it.check(X[:20], y[:20]).training for it in (padded, alone))
    assert found[0] == pytest.approx(want[0], abs=0.05)


def test_gradient_noise_of_short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a step is much work a block has few: several are put together."""
    whole = linear_fit(300).gradient_noise
    monkeypatch.setattr(supply, "_BLOCK_STEPS", 7)
    short = linear_fit(300).gradient_noise
    assert (whole.estimates, short.estimates) == (250, 21)
    assert short.noise == pytest.approx(whole.noise, rel=0.5)
