"""Prior and noise sds by the marginal likelihood, against closed forms of linear models."""

from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats
from scipy.optimize import minimize

import moonfield as mf
from moonfield._core.progress import Progress
from moonfield.data import dataset, full_batch, rows_last
from moonfield.families import Gaussian
from moonfield.inference import empirical_bayes, rounds
from moonfield.inference.gauss_newton import gauss_newton, weight_places
from moonfield.inference.held_out import best_share, left_out, log_scores, without
from moonfield.inference.host_lbfgs import climb
from moonfield.inference.rounds import leading_mode, mode_of_its_own
from moonfield.inference.target import Target
from moonfield.inference.weight_priors import head_places
from moonfield.model import space
from moonfield.posterior.replacing import replaced
from tests.helpers import interrupt_climbs

RNG = np.random.default_rng(3)
X = RNG.normal(size=(60, 10))
Y = X @ RNG.normal(size=10) * 0.4 + 0.3 * RNG.normal(size=60)
NOISE = dist.InverseGamma(1.0, 0.01)
METHOD = mf.Laplace("gauss_newton", starts=1, empirical_bayes=True)


def linear(likelihood: mf.likelihoods.AbstractLikelihood, outputs: int = 1) -> mf.BayesianNetwork:
    network = mf.nets.MLP([10, outputs], bias=False)
    return mf.BayesianNetwork(network, mf.priors.Normal(0.0, 1.0), likelihood)


def target_of(model: mf.BayesianNetwork, X: np.ndarray, y: np.ndarray, weights=None) -> Target:
    rows = dataset(X, y, model.target_shape(X), weights)
    return Target(model, jax.device_put(rows_last(full_batch(rows))))


def log_evidence(log_prior_sd: float, log_sd: float) -> float:
    """Of the linear model, with the prior of the log noise sd."""
    covariance = np.exp(2 * log_prior_sd) * X @ X.T + np.exp(2 * log_sd) * np.eye(60)
    own = float(NOISE.log_prob(jnp.exp(log_sd))) + log_sd
    return stats.multivariate_normal(np.zeros(60), covariance).logpdf(Y) + own


def test_sds_of_a_linear_model_maximise_its_evidence(x64) -> None:
    found = mf.fit(linear(mf.likelihoods.Normal(sd=NOISE)), X, Y, method=METHOD)
    best = minimize(lambda at: -log_evidence(*at), [0.0, 0.0], method="Nelder-Mead").x
    prior = found.model.prior.entry("layers.0.weight")
    names = space(found.model).paths
    mean, sd = found.approximation.moments()
    log_sd = mean[names.index("likelihood.sd")]  # its only number comes first
    np.testing.assert_allclose(np.log(float(prior.scale)), best[0], atol=2e-2)
    np.testing.assert_allclose(log_sd, best[1], atol=5e-3)
    precision = X.T @ X / np.exp(2 * log_sd) + np.eye(10) / float(prior.scale) ** 2
    np.testing.assert_allclose(sd[1:] ** 2, np.diag(np.linalg.inv(precision)), rtol=1e-3)
    exact = np.linalg.solve(precision, X.T @ Y) / np.exp(2 * log_sd)
    np.testing.assert_allclose(mean[1:], exact, rtol=1e-3)
    width = 0.5 * np.log(2 * np.pi * sd[0] ** 2)  # of the log noise sd, by Laplace
    exact = log_evidence(np.log(float(prior.scale)), float(log_sd)) + width
    assert found.diagnostics.facts["log_marginal_likelihood"] == pytest.approx(exact, abs=0.02)


def test_the_evidence_is_of_the_sds_that_come_with_it(x64, monkeypatch) -> None:
    """After a round, of weights that are the mode for other sds: a little less than it is."""
    monkeypatch.setattr(rounds, "_ROUNDS", 1)
    monkeypatch.setattr(rounds, "_UPDATES", 1)
    found = mf.fit(linear(mf.likelihoods.Normal(sd=0.3)), X, Y, method=METHOD)
    sd = float(found.model.prior.entry("layers.0.weight").scale)
    assert sd < 0.7  # 1 at the start
    exact = stats.multivariate_normal(np.zeros(60), sd**2 * X @ X.T + 0.3**2 * np.eye(60)).logpdf(Y)
    assert exact - 0.5 < found.diagnostics.elbo < exact + 1e-6


@pytest.mark.slow
def test_the_noise_of_each_target_is_its_own() -> None:
    scale = np.array([1.0, 30.0])
    both = np.stack([Y, RNG.permutation(Y)], axis=1) * scale
    model = linear(mf.likelihoods.Normal(sd=dist.HalfCauchy(np.full(2, 5.0))), 2)
    found = mf.fit(model, X, both, method=METHOD).sample(400)["likelihood"]["sd"]
    assert np.median(found[:, 0]) == pytest.approx(0.3, rel=0.4)
    assert np.median(found[:, 1]) == pytest.approx(both[:, 1].std(), rel=0.4)
    assert np.std(np.log(found[:, 0])) == pytest.approx((2 * 50) ** -0.5, rel=0.25)  # not fixed


def test_gauss_newton_of_a_network(x64) -> None:
    """By the definition, for classes: `sum weight J' (diag(p) - p p') J`."""
    model = mf.BayesianNetwork(
        mf.nets.MLP([10, 4, 3]), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Categorical()
    )
    labels, weights = RNG.integers(0, 3, 60), RNG.uniform(0.5, 2.0, 60)
    target = target_of(model, X, labels, weights)
    z = jnp.asarray(RNG.normal(size=model.size))
    places = weight_places(model)
    found = gauss_newton(target, z, places)

    def outputs(z: jax.Array) -> jax.Array:
        return model.outputs(space(model).constrain(z)[0], jnp.asarray(X))

    jacobian, f = np.asarray(jax.jacfwd(outputs)(z)), np.asarray(outputs(z))
    p = np.exp(f) / np.exp(f).sum(axis=1, keepdims=True)
    hessian = np.einsum("ni,ij->nij", p, np.eye(3)) - np.einsum("ni,nj->nij", p, p)
    wanted = np.einsum("n,nia,nij,njb->ab", weights, jacobian, hessian, jacobian)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)
    assert np.linalg.eigvalsh(found).min() > -1e-9


def test_slices_of_rows_add_up_to_the_log_joint_density(x64) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2_500, 3)), rng.normal(size=2_500)  # three slices, the last not full
    model = mf.BayesianNetwork(
        mf.nets.MLP([3, 4, 1]), mf.priors.Normal(0.0, 1.0), mf.likelihoods.StudentT(scale=0.3)
    )
    target = target_of(model, X, y, rng.uniform(0.5, 2.0, 2_500))
    places, z = weight_places(model), jnp.asarray(rng.normal(size=model.size))
    mean, sd = jnp.zeros(places.size), jnp.ones(places.size)
    density = rounds._WeightsDensity(target, z, places, mean, sd)
    value, gradient = density(z[places])
    exact, slope = jax.value_and_grad(target.log_density)(z)
    constant = 0.5 * places.size * np.log(2.0 * np.pi)
    assert float(value) - constant == pytest.approx(float(exact), rel=1e-12)
    np.testing.assert_allclose(gradient, slope[places], rtol=1e-9, atol=1e-9)


class Bowl(eqx.Module):
    precision: jax.Array
    mean: jax.Array

    def __call__(self, z: jax.Array) -> tuple[jax.Array, jax.Array]:
        gradient = -self.precision @ (z - self.mean)
        return 0.5 * (z - self.mean) @ gradient, gradient


def test_steps_in_the_coordinates_of_a_root_are_few(x64) -> None:
    """Of a quadratic whose curvatures differ a million times: one, but for the line search."""
    basis = np.linalg.qr(RNG.normal(size=(20, 20)))[0]
    precision = basis * np.logspace(-3, 3, 20) @ basis.T
    bowl = Bowl(jnp.asarray(precision), jnp.asarray(RNG.normal(size=20)))
    root = np.linalg.inv(np.linalg.cholesky(precision))
    plain = climb(bowl, jnp.zeros(20), 200)
    rooted = climb(bowl, jnp.zeros(20), 200, root)
    assert len(rooted.trace) <= 4 < 10 * len(rooted.trace) < len(plain.trace)
    np.testing.assert_allclose(rooted.point, bowl.mean, atol=1e-6)


def test_a_climb_ends_where_it_gains_too_little(x64) -> None:
    bowl = Bowl(jnp.diag(jnp.logspace(-3.0, 3.0, 20)), jnp.ones(20))
    whole = climb(bowl, jnp.zeros(20), 200)
    short = climb(bowl, jnp.zeros(20), 200, None, 0.1)
    gains = short.trace[20:] - short.trace[:-20]
    assert 20 < len(short.trace) < len(whole.trace)
    assert (gains[:-1] >= 0.1).all()
    assert gains[-1] < 0.1
    np.testing.assert_array_equal(short.trace, whole.trace[: len(short.trace)])
    assert short.value == short.trace[-1]


@pytest.mark.slow
def test_laplace_by_gauss_newton_is_exact_for_a_linear_model(x64) -> None:
    model = linear(mf.likelihoods.Normal(sd=0.3))
    one, other = (
        mf.fit(model, X, Y, method=mf.Laplace(kind)).approximation
        for kind in ("full", "gauss_newton")
    )
    np.testing.assert_allclose(one.scale_tril, other.scale_tril, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    "scale", [0.7, NOISE, mf.likelihoods.Head(NOISE)], ids=["known", "learned", "head"]
)
@pytest.mark.parametrize("kind", ["normal", "student_t"])
def test_expected_curvature_of_noise(kind: str, scale: Any, x64) -> None:
    """By quadrature, over the noise itself, of minus the second derivatives in the outputs."""
    quantiles = (np.arange(200_000) + 0.5) / 200_000
    if kind == "normal":
        likelihood, noise = mf.likelihoods.Normal(scale), stats.norm.ppf(quantiles)
    else:
        likelihood, noise = mf.likelihoods.StudentT(5.0, scale), stats.t(5.0).ppf(quantiles)
    outputs = 2 if likelihood.head else 1
    network = mf.nets.MLP([1, outputs], bias=False)
    model = mf.BayesianNetwork(network, mf.priors.Normal(), likelihood)
    z = np.zeros(space(model).size)
    places = weight_places(model)
    z[places] = out = np.array([0.4, 0.9])[:outputs]  # of an input of 1
    own = space(model).constrain(jnp.asarray(z))[0].get("likelihood", {})
    named = (likelihood.sd, "sd") if kind == "normal" else (likelihood.scale, "scale")
    _, at = named[0].split(own, named[1], jnp.asarray(out))
    second = jax.vmap(
        jax.hessian(lambda out, y: -likelihood.log_prob(own, out, y)), in_axes=(None, 0)
    )(jnp.asarray(out), jnp.asarray(out[0] + noise * np.squeeze(at)))
    target = target_of(model, np.ones((1, 1)), np.zeros(1))
    found = gauss_newton(target, jnp.asarray(z), places)
    np.testing.assert_allclose(found, second.mean(axis=0), rtol=1e-3, atol=1e-9)


def test_noise_that_varies_is_learned_beside_prior_sds_of_its_own() -> None:
    """The location needs large weights, the scale one small one: each has its own prior sd."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1_501, 10))
    y = X @ np.full(10, 3.0) + 0.3 * np.exp(0.5 * X[:, 0]) * rng.normal(size=1_501)
    sds = np.repeat([[1.0], [0.5]], 10, axis=1)
    prior = {"*.weight": mf.priors.Normal(0.0, sds), "*": mf.priors.Normal(0.0, 1.0)}
    model = mf.BayesianNetwork(
        mf.nets.MLP([10, 2]), prior, mf.likelihoods.Normal(mf.likelihoods.Head(NOISE))
    )
    found = mf.fit(model, X, y, method=METHOD)
    scales = np.asarray(found.model.prior.entry("layers.0.weight").scale)
    assert np.ptp(scales, axis=1).max() == 0.0
    assert scales[0, 0] == pytest.approx(3.0, rel=0.1)
    assert 0.5 / 10**0.5 < scales[1, 0] < 0.5  # ten weights of 0.5 or 0, not all well known
    ends = np.outer([-1.0, 1.0], np.eye(10)[0])
    aleatoric = found.predict(ends).aleatoric  # an sd
    np.testing.assert_allclose(aleatoric, 0.3 * np.exp([-0.5, 0.5]), rtol=0.1)


@pytest.mark.parametrize(("df", "low", "high"), [(4.0, 4.0, 6.5), (np.inf, 25.0, 100.0)])
def test_degrees_of_freedom_are_learned(df: float, low: float, high: float) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3_000, 3))
    noise = rng.normal(size=3_000) if np.isinf(df) else rng.standard_t(df, size=3_000)
    model = mf.BayesianNetwork(
        mf.nets.MLP([3, 1]), mf.priors.Normal(0.0, 1.0), mf.likelihoods.StudentT(scale=NOISE)
    )
    found = mf.fit(model, X, X.sum(axis=1) + 0.3 * noise, method=METHOD)
    assert low <= float(found.model.likelihood.df) <= high
    assert np.median(found.sample(200)["likelihood"]["scale"]) == pytest.approx(0.3, rel=0.05)


def several_modes() -> mf.Posterior:
    model = mf.BayesianNetwork(
        mf.nets.MLP([1, 4, 1]), mf.priors.Normal(0.0, 2.0), mf.likelihoods.Normal(sd=NOISE)
    )
    x = np.linspace(-2.0, 2.0, 60)[:, None]
    y = np.sin(2.0 * x[:, 0]) + 0.1 * RNG.normal(size=60)
    method = mf.Laplace("gauss_newton", starts=1, empirical_bayes=True, modes=3)
    return mf.fit(model, x, y, method=method)


def test_each_mode_is_expanded_about_itself(tmp_path: Path) -> None:
    found = several_modes()
    mixture, x = found.approximation, np.linspace(-2.0, 2.0, 7)[:, None]
    plain = mf.BayesianNetwork(found.model.network, found.model.prior, found.model.likelihood)
    means = []
    for index in range(3):
        one = mixture.member(index)
        weights = plain.weights(space(plain).constrain(one.mean)[0])["network"]
        alone = replaced(found, plain.linearised(weights), one)
        means.append(alone.predict(x, draws=600).mean)
    assert np.ptp(means, axis=0).max() > 1e-3  # they are not one mode
    np.testing.assert_allclose(
        found.predict(x, draws=1_800).mean, np.mean(means, axis=0), atol=0.02
    )
    found.save(tmp_path / "modes.mf")
    again = mf.load(tmp_path / "modes.mf")
    np.testing.assert_array_equal(again.predict(x, draws=30).mean, found.predict(x, draws=30).mean)


def with_head(method: mf.Laplace, varies: float, rows: int = 200) -> tuple[mf.Posterior, Any, Any]:
    """A straight line under noise whose log sd has this slope."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1.0, 1.0, size=(rows, 1))
    y = x[:, 0] + 0.3 * np.exp(varies * x[:, 0]) * rng.normal(size=rows)
    likelihood = mf.likelihoods.StudentT(scale=mf.likelihoods.Head(NOISE))
    model = mf.BayesianNetwork(mf.nets.MLP([1, 4, 2]), mf.priors.Normal(0.0, 1.0), likelihood)
    return mf.fit(model, x, y, method=method), x, y


STACKED = mf.Laplace("gauss_newton", starts=1, empirical_bayes=True, modes=4, even_noise=True)


def test_noise_that_hardly_varies_is_mixed_from_modes_without_heads(tmp_path: Path) -> None:
    found, x, _ = with_head(STACKED, 0.0)
    even = found.diagnostics.facts["modes_of_even_noise"]
    assert even > 0
    head = head_places(found.model, 2)
    means = np.array([found.approximation.member(i).mean for i in range(4)])
    assert sorted(np.all(means[:, head] == 0.0, axis=1)) == [False] * (4 - even) + [True] * even
    assert (np.array(found.approximation.moments()[1])[head] > 0.0).all()
    assert np.ptp(found.predict(x).aleatoric) < 0.1
    found.save(tmp_path / "stacked.mf")
    again = mf.load(tmp_path / "stacked.mf")
    np.testing.assert_array_equal(again.predict(x, draws=30).mean, found.predict(x, draws=30).mean)


def test_noise_that_varies_keeps_its_heads() -> None:
    found, _, _ = with_head(STACKED, 1.5)
    assert found.diagnostics.facts["modes_of_even_noise"] == 0
    ends = found.predict([[-0.9], [0.9]]).aleatoric
    assert ends[1] / ends[0] == pytest.approx(np.exp(1.5 * 1.8), rel=0.4)


@pytest.mark.parametrize("climbs", [1, 3, 9, 14, 20])
def test_the_keyboard_ends_the_mixing_of_noises_too(
    climbs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_climbs(monkeypatch, climbs)
    found, x, _ = with_head(STACKED, 0.0)
    assert found.result is mf.Result.interrupted
    assert np.isfinite(found.predict(x, draws=10).mean).all()


def test_even_noise_is_of_a_likelihood_with_a_head() -> None:
    with pytest.raises(ValueError, match="head for its scale"):
        mf.fit(linear(mf.likelihoods.Normal(NOISE)), X, Y, method=STACKED)
    with pytest.raises(ValueError, match="even_noise is for empirical_bayes"):
        mf.Laplace("gauss_newton", even_noise=True)


def test_rows_that_are_left_out_are_as_if_there_were_none(x64) -> None:
    model = linear(mf.likelihoods.Normal(NOISE))
    target = target_of(model, X, Y)
    rows = left_out(np.asarray(target.batch.weights), seed=0)
    assert len(np.unique(rows)) == 15
    assert rows.max() < 60
    kept = np.setdiff1d(np.arange(60), rows)
    fewer = mf.fit(model, X[kept], Y[kept], method=METHOD).diagnostics.elbo
    weights = np.ones(60)
    weights[rows] = 0.0
    np.testing.assert_array_equal(without(target, rows).batch.weights[:60], weights)
    again = mf.fit(model, X, Y, weights=weights, method=METHOD).diagnostics.elbo
    assert again == pytest.approx(fewer, abs=1e-3)


def test_scores_of_rows_are_those_of_the_exact_predictive_density(x64) -> None:
    """Of a linear model all is normal: `N(y; x m, x S x' + sd^2)`."""
    model, sd = linear(mf.likelihoods.Normal(0.3)), 0.3
    root = np.linalg.cholesky(np.cov(RNG.normal(size=(10, 40))) / 200.0)
    mean = np.linalg.lstsq(X, Y)[0]
    found = Gaussian(jnp.asarray(mean), jnp.asarray(root))
    rows, places = np.array([3, 17, 18, 59]), np.arange(10)
    scores = log_scores(target_of(model, X, Y), found, places, rows, seed=0)
    variances = ((X[rows] @ root) ** 2).sum(axis=1) + sd**2
    exact = stats.norm.logpdf(Y[rows], X[rows] @ mean, variances**0.5)
    np.testing.assert_allclose(scores, exact, atol=0.05)


def test_the_best_share_has_the_best_log_score() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 50))
    weights = rng.uniform(size=50)
    scores = [weights @ np.log(k / 4 * np.exp(one) + (1 - k / 4) * np.exp(other)) for k in range(5)]
    assert best_share(one, other, weights, 4) == np.argmax(scores) in (1, 2, 3)
    assert best_share(one, one - 1.0, weights, 4) == 4
    assert best_share(one - 1.0, one, weights, 4) == 0


def test_a_single_mode_has_one_noise_or_the_other() -> None:
    facts = with_head(mf.Laplace("gauss_newton", 1, None, True, 1, True), 1.5)[0].diagnostics.facts
    assert (facts["modes_of_even_noise"], facts["modes_of_own_prior_sds"]) == (0, 0)


@pytest.mark.parametrize("own", [False, True])
def test_rows_left_out_choose_between_kinds_of_other_modes(
    own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kind that is made worse is not taken."""
    another = empirical_bayes._another

    def spoiled(problem: Any, lead: Any, start: Any, own_sds: bool, bar: Any) -> Any:
        found = another(problem, lead, start, own_sds, bar)
        return found if own_sds == own else Gaussian(found.mean + 3.0, found.scale_tril)

    monkeypatch.setattr(empirical_bayes, "_another", spoiled)
    found, _, _ = with_head(STACKED, 0.0)
    even = found.diagnostics.facts["modes_of_even_noise"]
    others = sum(max(modes - 1, 0) for modes in (even, 4 - even))
    assert found.diagnostics.facts["modes_of_own_prior_sds"] == own * others


def test_modes_of_their_own_prior_sds_are_first_modes_of_other_starts() -> None:
    """What `with_sds` would say of each: rounds from a start lead to the same mode and sds."""
    target = target_of(linear(mf.likelihoods.Normal(NOISE)), X, Y)
    problem = empirical_bayes._problem(target, 0, None, 1, 2)
    lead = leading_mode(problem, Progress(None, False))
    z, scales = mode_of_its_own(problem, lead, problem.others[0], Progress(None, False))
    np.testing.assert_allclose(z, lead.z, atol=2e-2)  # a linear model has one mode
    np.testing.assert_allclose(scales.factors, lead.scales.factors, rtol=0.05)


def test_a_head_has_a_row_for_each_output() -> None:
    model = linear(mf.likelihoods.StudentT(scale=mf.likelihoods.Head(NOISE)), outputs=4)
    np.testing.assert_array_equal(head_places(model, 4), weight_places(model)[20:])
    with pytest.raises(ValueError, match="last layer is affine, with 6 rows"):
        head_places(model, 6)


@pytest.mark.parametrize(("outputs", "rounds_run", "kept"), [(1, 2, 0), (2, 4, 2)])
def test_the_round_of_the_greatest_evidence_is_kept(
    outputs: int, rounds_run: int, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fall ends them, where noise varies only from the third on; what is kept is the best."""
    seen: list[np.ndarray] = []
    fake = [1.0, 0.0, 900.0, 300.0]

    def evidence(target: Target, arrays: Any, scales: Any, z: jax.Array) -> float:
        seen.append(np.asarray(z))
        return fake[len(seen) - 1]

    monkeypatch.setattr(rounds, "_evidence", evidence)
    scale = mf.likelihoods.Head(NOISE) if outputs == 2 else NOISE
    prior = mf.priors.Normal(0.0, 1.0)
    model = mf.BayesianNetwork(
        mf.nets.MLP([10, 4, outputs]), prior, mf.likelihoods.StudentT(scale=scale)
    )
    found = mf.fit(model, X, Y, method=METHOD)
    assert found.diagnostics.elbo == fake[kept]
    assert found.diagnostics.facts["rounds"] == len(seen) == rounds_run
    np.testing.assert_array_equal(found.approximation.mean, seen[kept])


def test_turns_to_another_mode_end_where_one_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    climbed: list[int] = []

    def ascend(*args: Any) -> Any:
        climbed.append(1)
        return ascend_once(*args)

    ascend_once = rounds._ascend
    monkeypatch.setattr(rounds, "_ascend", ascend)
    counts = []
    for modes in (1, 2):
        climbed.clear()
        method = mf.Laplace("gauss_newton", starts=1, empirical_bayes=True, modes=modes)
        mf.fit(linear(mf.likelihoods.Normal(sd=NOISE)), X, Y, method=method)
        counts.append(len(climbed))
    assert counts[1] - counts[0] == 5  # of ten: the fifth moves a linear model's weights no more


def test_modes_that_interpolate_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert several_modes().approximation.count == 3
    monkeypatch.setattr(empirical_bayes, "_MOST_USED", 0.0)
    assert isinstance(several_modes().approximation, Gaussian)


def test_few_rows_do_not_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 5))
    model = mf.BayesianNetwork(
        mf.nets.MLP([5, 30, 1]), mf.priors.Scaled(1.0), mf.likelihoods.Normal(NOISE)
    )
    y = np.tanh(x[:, 0]) + 0.3 * rng.normal(size=40)
    found = mf.fit(model, x, y, method=METHOD).diagnostics.facts
    monkeypatch.setattr(rounds, "_STARTING_NOISE", (1.0,))
    under_all = mf.fit(model, x, y, method=METHOD).diagnostics.facts
    assert under_all["effective_parameters"] < 2.0 < found["effective_parameters"]
    assert found["log_marginal_likelihood"] > under_all["log_marginal_likelihood"]


def test_the_keyboard_ends_it_with_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_climbs(monkeypatch)
    found = several_modes()
    assert found.result is mf.Result.interrupted
    assert isinstance(found.approximation, Gaussian)
    assert np.isfinite(found.predict(np.zeros((1, 1)), draws=10).mean).all()


@pytest.mark.parametrize(
    ("prior", "likelihood", "match"),
    [
        (mf.priors.Laplace(0.0, 1.0), mf.likelihoods.Normal(), "normal priors"),
        (mf.priors.Informed(0.0, 0.5), mf.likelihoods.Normal(), "normal priors"),
        (
            mf.priors.Normal(0.0, 1.0),
            mf.likelihoods.Normal(dist.Uniform(0.1, 1.0)),
            "learns the noise",
        ),
    ],
)
def test_other_models_are_refused(prior, likelihood, match: str) -> None:
    model = mf.BayesianNetwork(mf.nets.MLP([10, 1]), prior, likelihood)
    with pytest.raises(ValueError, match=match):
        mf.fit(model, X, Y, method=METHOD)
    with pytest.raises(ValueError, match="gauss_newton"):
        mf.Laplace(empirical_bayes=True)
