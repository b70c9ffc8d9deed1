"""Posteriors through files: what comes back, in this process and in a new one."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pandas as pd
import pytest

import moonfield as mf
from moonfield._core.errors import FileFormatError
from moonfield._core.trees import split
from moonfield.io import read_file, write_file
from moonfield.posterior.loading import load
from moonfield.priors import AbstractPrior, Independent, Latents
from tests.helpers import linear_model, moons_model, posterior_at, regression_rows, same_bytes

X, y = regression_rows(20, 2)

LIKELIHOODS = {
    "Bernoulli": (mf.likelihoods.Bernoulli(), 1),
    "Bernoulli, several": (mf.likelihoods.Bernoulli(), 3),
    "Categorical": (mf.likelihoods.Categorical(), 3),
    "Poisson": (mf.likelihoods.Poisson(), 1),
    "Normal, known": (mf.likelihoods.Normal(sd=0.3), 1),
    "Normal, learned": (mf.likelihoods.Normal(), 2),
    "Normal, own prior": (mf.likelihoods.Normal(sd=dist.LogNormal(0.0, 0.5)), 1),
    "Normal, head": (mf.likelihoods.Normal(sd="head"), 2),
    "StudentT, learned": (mf.likelihoods.StudentT(df=5.5), 1),
    "StudentT, known": (mf.likelihoods.StudentT(scale=0.2), 1),
    "StudentT, head": (mf.likelihoods.StudentT(scale="head"), 2),
    "MixtureDensity": (mf.likelihoods.MixtureDensity(2), 6),
    "NegativeBinomial, learned": (mf.likelihoods.NegativeBinomial(), 1),
    "NegativeBinomial, known": (mf.likelihoods.NegativeBinomial(concentration=3.0), 1),
    "NegativeBinomial, head": (mf.likelihoods.NegativeBinomial(concentration="head"), 2),
}
PRIORS = {
    "one for all": mf.priors.Normal(0.0, 0.7),
    "positive": mf.priors.HalfNormal(0.7),
    "heavy tails": mf.priors.StudentT(4.0, 0.0, 0.7),
    "Cauchy": mf.priors.Cauchy(0.0, 0.7),
    "Laplace": mf.priors.Laplace(0.0, 0.7),
    "bounded": dist.Uniform(-1.0, 2.0),
    "truncated": dist.TruncatedNormal(0.0, 1.0, low=-0.5),
    "scaled": mf.priors.Scaled(1.5),
    "learned scales": mf.priors.LearnedScale(dist.HalfCauchy(0.5), per="unit"),
    "horseshoe": {"layers.0.weight": mf.priors.Horseshoe(0.3), "*": mf.priors.Normal()},
    "regularised horseshoe": mf.priors.RegularisedHorseshoe(0.3, slab=1.5, df=5.0, per="unit"),
    "adaptive width": {
        "*.weight": mf.priors.AdaptiveWidth(2.0, typical=3.0, spread=0.5),
        "*": mf.priors.Normal(),
    },
    "spike and slab": mf.priors.SpikeAndSlab(0.2, slab=1.5, per="weight", sharpness=0.5),
    "scale mixture": mf.priors.ScaleMixture(1.0, 0.1, 0.3),
    "informed": {
        "layers.0.weight": mf.priors.Informed(0.5, 0.3, directions=jnp.ones(2)),
        "*": mf.priors.Normal(),
    },
    "table": {
        "layers.0.*": mf.priors.Scaled(1.5),
        "*.weight": dist.Gamma(2.0, 3.0),
        "*": mf.priors.Normal(0.0, 2.0),
    },
    "a scale for each column": {
        "layers.0.weight": mf.priors.Normal(jnp.zeros((1, 1)), jnp.array([[0.1, 0.2]])),
        "*": mf.priors.Normal(0.0, 1.0),
    },
}


class Own(eqx.Module):
    """A network that Moonfield does not provide."""

    first: eqx.nn.Linear
    scale: jax.Array

    def __init__(self, inputs: int = 2):
        self.first = eqx.nn.Linear(inputs, 1, key=jax.random.key(0))
        self.scale = jnp.ones(())

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.scale * self.first(x)


class OwnPrior(AbstractPrior):
    """A standard normal prior that is in no table, with a latent of its own."""

    inner: Independent

    def __init__(self):
        self.inner = Independent(mf.priors.Normal(0.0, 1.0))

    def check(self, shapes: Any) -> None:
        self.inner.check(shapes)

    def init(self, key: Any, shapes: Any) -> Latents:
        return Latents(self.inner.init(key, shapes).network, {"tau": jnp.ones(())})

    def sample(self, key: Any, shapes: Any) -> Latents:
        return Latents(self.inner.sample(key, shapes).network, {"tau": jnp.ones(())})

    def log_prob(self, latents: Latents) -> jax.Array:
        tau = dist.HalfNormal(1.0).log_prob(latents.prior["tau"])
        return self.inner.log_prob(latents) + tau

    def transform(self, latents: Latents) -> Any:
        return latents.network

    def supports(self, shapes: Any) -> Latents:
        return Latents(self.inner.supports(shapes).network, {"tau": dist.constraints.positive})

    def describe(self, path: str, shape: tuple[int, ...]) -> str:
        return "own"


def own_model(inputs: int = 2, sd: float = 1.0, likelihood: Any = None) -> mf.BayesianNetwork:
    likelihood = mf.likelihoods.Normal(sd=0.3) if likelihood is None else likelihood
    return mf.BayesianNetwork(Own(inputs), mf.priors.Normal(0.0, sd), likelihood)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "posterior.mf"


def there_and_back(posterior: mf.Posterior, path: Path, model: Any = None) -> mf.Posterior:
    posterior.save(path)
    return load(path, model)


def assert_same(loaded: mf.Posterior, posterior: mf.Posterior) -> None:
    """Same structure (so that nothing compiles again) and same bits."""
    one = split((loaded.model, loaded.approximation))
    other = split((posterior.model, posterior.approximation))
    assert one[0] == other[0]
    assert same_bytes(one[1], other[1])


# ---- round trips


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_every_likelihood_comes_back(path: Path, name: str):
    likelihood, outputs = LIKELIHOODS[name]
    posterior = posterior_at(linear_model(2, likelihood, outputs), 0.1, 0.2)
    loaded = there_and_back(posterior, path)
    assert_same(loaded, posterior)
    assert str(loaded.model) == str(posterior.model)
    assert same_bytes(loaded.predict(X, draws=7).mean, posterior.predict(X, draws=7).mean)


@pytest.mark.parametrize("name", PRIORS)
def test_every_prior_comes_back(path: Path, name: str):
    network = mf.nets.MLP([2, 3, 1], activation="relu")
    model = mf.BayesianNetwork(network, PRIORS[name], mf.likelihoods.Bernoulli())
    posterior = posterior_at(model, 0.1, 0.2)
    loaded = there_and_back(posterior, path)
    assert_same(loaded, posterior)
    assert str(loaded.model) == str(model)


def test_all_else_comes_back(path: Path):
    frame = pd.DataFrame(X, columns=["weight", "height"])
    posterior = mf.fit(linear_model(2, mf.likelihoods.Normal()), frame, y, steps=200, restarts=2)
    loaded = there_and_back(posterior, path)
    assert_same(loaded, posterior)
    assert same_bytes(loaded.elbo, posterior.elbo)
    assert loaded.diagnostics == posterior.diagnostics
    assert loaded.result is mf.Result.steps_exhausted
    assert loaded.columns == ("weight", "height")
    assert same_bytes(loaded.predict(frame[["height", "weight"]]).sd, posterior.predict(frame).sd)
    assert same_bytes(loaded.sample(5, seed=3), posterior.sample(5, seed=3))


def test_a_loaded_posterior_is_saved_as_the_same_bytes(path: Path):
    there_and_back(posterior_at(moons_model(), 0.1, 0.2), path).save(path.with_name("again"))
    assert path.read_bytes() == path.with_name("again").read_bytes()


def test_a_fit_continues_from_a_loaded_posterior(path: Path):
    model = linear_model(2, mf.likelihoods.Normal(sd=0.5))
    posterior = mf.fit(model, X, y, steps=200)
    loaded = there_and_back(posterior, path)
    one = mf.fit(model, X, y, steps=100, start=posterior)
    other = mf.fit(loaded.model, X, y, steps=100, start=loaded)
    assert_same(other, one)


NEW_PROCESS = """
import sys
import numpy as np
from moonfield.posterior.loading import load

before = np.load(sys.argv[2])
prediction = load(sys.argv[1]).predict(before["X"], draws=50, seed=1)
assert np.array_equal(prediction.mean, before["mean"])
assert np.array_equal(prediction.sd, before["sd"])
assert np.array_equal(prediction.sample(3), before["drawn"])
assert np.array_equal(prediction.log_prob(before["y"]), before["log_prob"])
print("same")
"""


@pytest.mark.slow
def test_a_new_process_predicts_the_same_bits(path: Path):
    network = mf.nets.MLP([2, 8, 1])
    model = mf.BayesianNetwork(network, mf.priors.Scaled(1.5), mf.likelihoods.Normal())
    posterior = mf.fit(model, X, y, steps=200)
    prediction = posterior.predict(X, draws=50, seed=1)
    posterior.save(path)
    np.savez(
        path.with_suffix(".npz"),
        X=X, y=y, mean=prediction.mean, sd=prediction.sd, drawn=prediction.sample(3),
        log_prob=prediction.log_prob(y),
    )  # fmt: skip
    source = str(Path(mf.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", NEW_PROCESS, str(path), str(path.with_suffix(".npz"))],
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "same", done.stderr


# ---- precision


def test_64_bits_come_back(path: Path, x64: None):
    posterior = posterior_at(linear_model(2, mf.likelihoods.Normal(sd=0.1)), 0.1, 0.2)
    loaded = there_and_back(posterior, path)
    assert loaded.approximation.state.mean.dtype == jnp.float64
    assert_same(loaded, posterior)


@pytest.mark.parametrize("wide", [False, True])
def test_another_precision_is_a_warning(path: Path, wide: bool):
    with jax.enable_x64(wide):
        posterior_at(linear_model(2, mf.likelihoods.Normal(sd=0.1)), 0.1, 0.2).save(path)
    with jax.enable_x64(not wide):
        with pytest.warns(mf.MoonfieldWarning, match=r"saved in float.*jax_enable_x64"):
            loaded = load(path)
        assert loaded.approximation.state.mean.dtype == jnp.result_type(float)
        assert np.allclose(loaded.approximation.state.mean, 0.1)
        assert np.isfinite(loaded.predict(X, draws=3).mean).all()


# ---- models that a file cannot rebuild


def test_an_own_network_needs_the_model(path: Path):
    posterior = posterior_at(own_model(), 0.1, 0.2)
    posterior.save(path)
    with pytest.raises(ValueError, match=r"posterior.mf does not hold the network \(Own\).*model="):
        load(path)
    loaded = load(path, model=own_model())
    assert_same(loaded, posterior)
    assert same_bytes(loaded.predict(X, draws=7).mean, posterior.predict(X, draws=7).mean)


def test_an_own_activation_needs_the_model(path: Path):
    def model(activation: Any) -> mf.BayesianNetwork:
        network = mf.nets.MLP([2, 2, 1], activation=activation)
        return mf.BayesianNetwork(network, mf.priors.Normal(0.0, 1.0), mf.likelihoods.Bernoulli())

    posterior = posterior_at(model(jnp.arctan), 0.1, 0.2)
    posterior.save(path)
    with pytest.raises(ValueError, match=r"the network \(MLP\)"):
        load(path)
    assert_same(load(path, model=model(jnp.arctan)), posterior)


def test_an_own_prior_needs_the_model(path: Path):
    def model() -> mf.BayesianNetwork:
        return mf.BayesianNetwork(mf.nets.MLP([2, 1]), OwnPrior(), mf.likelihoods.Bernoulli())

    posterior = posterior_at(model(), 0.1, 0.2)
    posterior.save(path)
    with pytest.raises(ValueError, match=r"the prior \(OwnPrior\)"):
        load(path)
    loaded = load(path, model=model())
    assert_same(loaded, posterior)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            lambda: own_model(inputs=3),
            r"first.weight has shape \(1, 3\), in the saved one \(1, 2\)",
        ),
        (lambda: linear_model(2, mf.likelihoods.Normal(sd=0.3)), "has no parameter first.weight"),
        (lambda: own_model(sd=2.0), "its prior is not the saved one"),
        (lambda: own_model(likelihood=mf.likelihoods.Normal(sd=0.4)), "its likelihood is not"),
        (lambda: own_model(likelihood=mf.likelihoods.Poisson()), "its likelihood is not"),
        (lambda: own_model(likelihood=mf.likelihoods.Normal()), "a parameter likelihood.sd"),
    ],
)
def test_another_model_is_refused(path: Path, model: Any, message: str):
    posterior_at(own_model(), 0.1, 0.2).save(path)
    with pytest.raises(ValueError, match=message) as caught:
        load(path, model=model())
    assert "posterior.mf" in str(caught.value)


def test_the_network_of_a_given_model_must_be_the_described_one(path: Path):
    posterior_at(moons_model(), 0.1, 0.2).save(path)
    network = mf.nets.MLP([2, 5, 5, 1], activation="relu", bias=False)
    model = mf.BayesianNetwork(network, mf.priors.Normal(0.0, 1.0), mf.likelihoods.Bernoulli())
    with pytest.raises(ValueError, match=r"its network is not the saved one, .*tanh"):
        load(path, model=model)
    assert_same(load(path, model=moons_model()), load(path))


def test_the_given_model_must_be_a_model(path: Path):
    posterior_at(moons_model(), 0.1, 0.2).save(path)
    with pytest.raises(TypeError, match="model"):
        load(path, model="moons")


# ---- damage: see also test_hostile_files.py


def damage(content: dict, place: str, value: Any) -> dict:
    *folders, last = place.split(".")
    inner = content
    for folder in folders:
        inner = inner[folder]
    inner[last] = value
    return content


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("kind", "checkpoint"),
        ("columns", [1, 2]),
        ("diagnostics", {}),
        ("diagnostics.steps", "many"),
        ("diagnostics.result", "excellent"),
        ("diagnostics.restart_elbos", [None]),
        ("model.arguments.network.type", "os.system"),
        ("model.arguments.network.sizes", [2, 10**10, 1]),
        ("model.arguments.network.sizes", [2, 2, 1]),
        ("model.arguments.network.activation", "sudo"),
        ("model.arguments.prior.patterns", ["a.*"]),
        ("model.arguments.prior.patterns", ["*", "*"]),
        ("model.arguments.prior.entries", {}),
        ("model.arguments.likelihood.type", "Cauchy"),
        ("model.arguments.likelihood.sd", {"is": "guessed"}),
        ("model.parameters", [["network.layers.0.weight", [1, 3]]]),
        ("model.type", "Program"),
        ("approximation.type", "Chain"),
        ("approximation.family.type", "Normal"),
        ("approximation.size", 10**12),
    ],
)
def test_inconsistent_contents_with_a_valid_checksum_are_refused(
    path: Path, place: str, value: Any
):
    posterior_at(linear_model(2, mf.likelihoods.Normal()), 0.1, 0.2).save(path)
    document = read_file(path)
    write_file(path, damage(document.content, place, value), document.tensors)
    with pytest.raises(FileFormatError, match=r"posterior.mf is damaged.*Save the posterior again"):
        load(path)


@pytest.mark.parametrize("change", ["dtype", "shape", "missing"])
@pytest.mark.parametrize(
    "name", ["approximation.state.mean", "elbo", "model.arguments.prior.entries.0.scale"]
)
def test_strange_arrays_with_a_valid_checksum_are_refused(path: Path, name: str, change: str):
    posterior_at(linear_model(2, mf.likelihoods.Normal()), 0.1, 0.2).save(path)
    content, tensors, _ = read_file(path)
    array = tensors.pop(name)
    if change == "dtype":
        tensors[name] = array.astype(bool)
    elif change == "shape":
        tensors[name] = np.ones((7, 1), array.dtype)
    write_file(path, content, tensors)
    with pytest.raises(FileFormatError, match=r"posterior.mf is damaged"):
        load(path)


def test_a_failed_save_keeps_the_old_posterior(path: Path, monkeypatch: pytest.MonkeyPatch):
    old = posterior_at(moons_model(), 0.1, 0.2)
    old.save(path)

    def fail(*_: Any) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", fail)
        with pytest.raises(OSError, match="No space"):
            posterior_at(moons_model(), 0.3, 0.4).save(path)
    assert_same(load(path), old)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.slow
@pytest.mark.parametrize("groups", [["a", "b", "c"], [("m", 1), ("m", 2), ("n", 1)]])
def test_a_hierarchical_network_comes_back(path: Path, groups: list):
    model = mf.HierarchicalNetwork(
        mf.nets.MLP([2, 3, 1]), {"*.weight": mf.priors.LearnedScale(), "*": mf.priors.Normal()},
        mf.likelihoods.Normal(), groups=groups, level={"*.bias": "separate"}, per="unit",
    )  # fmt: skip
    before = posterior_at(model, 0.3, 0.2)
    before.save(path)
    after = mf.load(path)
    assert after.model.groups == model.groups
    names = [groups[i % 3] for i in range(len(X))]
    new = [*names[:-1], (None,) * 2 if isinstance(groups[0], tuple) else None]
    for asked in (names, new):
        one, other = (it.predict(X, groups=asked, draws=10) for it in (before, after))
        assert same_bytes(one.mean, other.mean)
    with pytest.raises(ValueError, match="HierarchicalNetwork"):
        mf.load(path, model=own_model())
