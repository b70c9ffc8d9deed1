"""What holds for every method that runs by steps: same bytes, batches, files, continuing."""

from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield._core.trees import split
from moonfield.inference import AbstractStepping
from tests.helpers import Split, moons_model, same_bytes

from .fits import is_finite, run

METHODS: dict[str, Callable[[], AbstractStepping]] = {
    "ivon": mf.IVON,
    "svgd": lambda: mf.SVGD(10),
    "asvgd": lambda: mf.ASVGD(particles=6, hidden=8, latent=3),
    "ensemble of maxima": lambda: mf.Ensemble(3),
    "ensemble of advi": lambda: mf.Ensemble(3, "advi"),
    "ensemble of svgd": lambda: mf.Ensemble(2, mf.SVGD(4)),
}
each_method = pytest.mark.parametrize("name", list(METHODS))


def fit(model: mf.BayesianNetwork, moons: Split, name: str, **options) -> mf.Posterior:
    options = {"steps": 300, "batch_size": 50, **options}
    return mf.fit(model, moons.X, moons.y, method=METHODS[name](), **options)


def arrays(posterior: mf.Posterior) -> tuple:
    return posterior.elbo, split(posterior.approximation)[1]


@pytest.mark.slow
@each_method
def test_the_moons_are_told_apart(model: mf.BayesianNetwork, moons: Split, name: str) -> None:
    found = fit(model, moons, name, steps=1_500)
    prediction = found.predict(moons.X_test, draws=60)
    assert found.elbo.shape == (1_500,)
    assert ((np.asarray(prediction.mean) > 0.5) == moons.y_test).mean() > 0.93
    assert -0.3 < np.mean(prediction.log_prob(moons.y_test)) < 0.0


@each_method
def test_the_seed_decides_every_bit(model: mf.BayesianNetwork, moons: Split, name: str) -> None:
    one, same, other = (fit(model, moons, name, seed=seed) for seed in (1, 1, 2))
    assert same_bytes(arrays(one), arrays(same))
    for a, b in zip(arrays(one)[1], arrays(other)[1], strict=True):
        assert not np.isin(a, b).any()


@each_method
def test_a_second_fit_compiles_nothing(
    model: mf.BayesianNetwork, moons: Split, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    fit(model, moons, name)
    assert run(lambda: fit(model, moons, name, seed=5, steps=260), caplog) == []


def test_other_numbers_of_ivon_compile_nothing(
    model: mf.BayesianNetwork, moons: Split, caplog: pytest.LogCaptureFixture
) -> None:
    fit(model, moons, "ivon")
    method = mf.IVON(learning_rate=0.05, hessian_init=1_000.0, beta1=0.8, beta2=0.999)
    call = lambda: mf.fit(model, moons.X, moons.y, method=method, steps=300, batch_size=50)  # noqa: E731
    assert run(call, caplog) == []


@pytest.mark.parametrize("name", ["ivon", "ensemble of maxima"])
def test_restarts_return_the_best(model: mf.BayesianNetwork, moons: Split, name: str) -> None:
    found = fit(model, moons, name, restarts=2)
    assert len(set(found.diagnostics.restart_elbos)) == 2
    assert found.diagnostics.elbo == max(found.diagnostics.restart_elbos)


@each_method
def test_a_fit_goes_on_where_it_ended(model: mf.BayesianNetwork, moons: Split, name: str) -> None:
    first = fit(model, moons, name, steps=1_000)
    more = fit(model, moons, name, steps=20, start=first)
    began, ended = more.elbo[:5].mean(), first.diagnostics.elbo
    assert abs(began - ended) < 0.1 * (ended - first.elbo[0])
    assert is_finite(arrays(more))


def test_a_fit_that_goes_on_does_not_jump_away() -> None:
    """Sds are about 0.002 here, and Adam's first step would be 0.05 long."""
    x = np.random.default_rng(0).normal(size=(1_000, 2))
    y = x @ [1.0, -2.0] + 0.05 * np.random.default_rng(1).normal(size=1_000)
    linear = mf.BayesianNetwork(
        mf.nets.MLP([2, 1]), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal(sd=0.05)
    )
    first = mf.fit(linear, x, y, method="advi", steps=3_000)
    for seed in range(3):
        more = mf.fit(linear, x, y, method="advi", steps=3_000, start=first, seed=seed)
        assert more.elbo[:20].mean() > first.diagnostics.elbo - 100.0  # else 180 to 310 less


def test_a_fit_goes_on_from_another_kind_only_where_it_can(
    model: mf.BayesianNetwork, moons: Split, posterior: mf.Posterior
) -> None:
    assert is_finite(arrays(fit(model, moons, "ivon", start=posterior)))
    for name, message in {
        "svgd": "must be a posterior of particles",
        "asvgd": "must be a posterior of the method 'asvgd'",
        "ensemble of advi": "must be a posterior of an ensemble of 3 members",
    }.items():
        with pytest.raises(ValueError, match=message):
            fit(model, moons, name, start=posterior)
    points = fit(model, moons, "svgd")
    with pytest.raises(ValueError, match="start has 10 particles, the method 11"):
        mf.fit(model, moons.X, moons.y, method=mf.SVGD(11), steps=1, start=points)


@pytest.mark.parametrize("name", ["svgd", "ensemble of maxima", "ensemble of advi"])
def test_those_that_start_at_one_location_differ(
    model: mf.BayesianNetwork, moons: Split, name: str
) -> None:
    found = fit(model, moons, name, steps=1, start=model.init(jax.random.key(0)))
    points = jax.vmap(found.approximation.draw, (None, 0))(jax.random.key(0), jnp.arange(3))
    assert len(np.unique(np.asarray(points)[:, 0])) == 3


@each_method
def test_files_bring_it_back(
    model: mf.BayesianNetwork, moons: Split, name: str, tmp_path: Path
) -> None:
    found = fit(model, moons, name, steps=20)
    found.save(tmp_path / "it.mf")
    again = mf.load(tmp_path / "it.mf")
    assert split(again.approximation)[0] == split(found.approximation)[0]
    assert same_bytes(arrays(again), arrays(found))
    again.save(tmp_path / "again.mf")
    assert (tmp_path / "again.mf").read_bytes() == (tmp_path / "it.mf").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ivon", "svgd", "asvgd"])
def test_64_bits_are_kept(model: mf.BayesianNetwork, moons: Split, name: str, x64: None) -> None:
    found = fit(moons_model(), moons, name, steps=20, batch_size=50)
    assert {array.dtype for array in arrays(found)[1]} == {np.dtype("f8")}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mf.IVON(learning_rate=0.0), "learning_rate must be above 0, got 0.0"),
        (lambda: mf.IVON(hessian_init=-1.0), "hessian_init must be above 0"),
        (lambda: mf.IVON(beta1=1.0), r"beta1 must lie in \[0, 1\), got 1.0"),
        (lambda: mf.IVON(beta2=-0.1), r"beta2 must lie in \[0, 1\)"),
        (lambda: mf.IVON(draws=0), "draws must be 1 or more"),
        (lambda: mf.SVGD(0), "particles must be 1 or more"),
        (lambda: mf.ASVGD(1), "particles must be 2 or more"),
        (lambda: mf.ASVGD(hidden=0), "hidden must be 1 or more"),
        (lambda: mf.Ensemble(0), "members must be 1 or more"),
        (lambda: mf.Ensemble(of="nuts"), "of must be one of 'map', 'advi', 'ivon', got 'nuts'"),
    ],
)
def test_what_a_method_refuses(make: Callable[[], AbstractStepping], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "make",
    [lambda: mf.SVGD(optimizer="adam"), lambda: mf.ASVGD(optimizer=1), lambda: mf.Ensemble(of=3)],
)
def test_what_is_no_part_of_a_method(make: Callable, wrong_types: None) -> None:
    with pytest.raises(TypeError, match="must be"):
        make()
