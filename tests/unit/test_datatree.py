"""Posteriors as ArviZ DataTrees."""

import arviz_stats
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import moonfield as mf
from moonfield.posterior.loading import load
from tests.helpers import posterior_at, regression_rows

X, y = regression_rows(30, 2)


@pytest.fixture(scope="module")
def fitted() -> mf.Posterior:
    """A regression with biases and a learned sd."""
    network = mf.nets.MLP([2, 3, 1])
    model = mf.BayesianNetwork(network, mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal())
    return mf.fit(model, X, y, steps=200)


def test_draws_stand_under_their_paths_with_named_dims(fitted: mf.Posterior):
    group = fitted.to_datatree(draws=20, seed=3)["posterior"]
    draws = fitted.sample(20, seed=3)
    expected = {
        "layers.0.weight": (draws["network"].layers[0].weight, ("out", "in")),
        "layers.0.bias": (draws["network"].layers[0].bias, ("out",)),
        "layers.1.weight": (draws["network"].layers[1].weight, ("out", "in")),
        "layers.1.bias": (draws["network"].layers[1].bias, ("out",)),
        "likelihood.sd": (draws["likelihood"]["sd"], ()),
    }
    assert list(group.data_vars) == list(expected)
    for path, (values, axes) in expected.items():
        assert group[path].dims == ("chain", "draw", *(f"{path}_{axis}" for axis in axes))
        assert np.array_equal(group[path].values, np.asarray(values)[None])


def test_the_elbo_stands_in_sample_stats(fitted: mf.Posterior):
    elbo = fitted.to_datatree(draws=5)["sample_stats"]["elbo"]
    assert elbo.dims == ("step",)
    assert np.array_equal(elbo.values, fitted.elbo)


def test_rows_have_their_targets_and_log_likelihoods(fitted: mf.Posterior):
    tree = fitted.to_datatree(draws=20, seed=3)
    assert "posterior_predictive" not in tree
    assert tree["observed_data"]["y"].dims == ("row",)
    assert np.array_equal(tree["observed_data"]["y"].values, y.astype(jnp.result_type(float)))
    log_likelihood = tree["log_likelihood"]["y"]
    assert log_likelihood.dims == ("chain", "draw", "row")
    np.testing.assert_allclose(
        log_likelihood.values[0], fitted.log_likelihood(X, y, 20, seed=3), rtol=1e-5
    )


def test_log_likelihoods_belong_to_the_draws_beside_them(fitted: mf.Posterior):
    tree = fitted.to_datatree(draws=4, seed=3)
    sd = tree["posterior"]["likelihood.sd"].values[0]
    mean = fitted.map(lambda params, row: params["network"](row)[0], X, draws=4, seed=3)
    exact = -0.5 * ((y - mean) / sd[:, None]) ** 2 - np.log(sd[:, None] * np.sqrt(2 * np.pi))
    assert np.allclose(tree["log_likelihood"]["y"].values[0], exact, rtol=1e-4, atol=1e-4)


def test_posterior_predictive_on_request(fitted: mf.Posterior):
    drawn = fitted.to_datatree(draws=20, seed=3, posterior_predictive=True)["posterior_predictive"]
    assert drawn["y"].dims == ("chain", "draw", "row")
    expected = fitted.predict(X, draws=20, seed=3).sample()
    assert np.array_equal(drawn["y"].values[0], expected)


def test_several_targets_have_a_dim():
    network = mf.nets.MLP([2, 2])
    model = mf.BayesianNetwork(network, mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal(sd=0.5))
    posterior = mf.fit(model, X, np.stack([y, -y], axis=1), steps=20)
    tree = posterior.to_datatree(draws=5, posterior_predictive=True)
    assert tree["observed_data"]["y"].dims == ("row", "target")
    assert tree["posterior_predictive"]["y"].dims == ("chain", "draw", "row", "target")
    assert tree["log_likelihood"]["y"].dims == ("chain", "draw", "row")


def test_attributes_say_what_was_run(fitted: mf.Posterior):
    tree = fitted.to_datatree(draws=5)
    for node in (tree, tree["posterior"]):
        assert node.attrs["inference_library"] == "moonfield"
        assert node.attrs["inference_library_version"] == mf.__version__
        assert node.attrs["method"] == "advi"
        assert node.attrs["result"] == "steps_exhausted"


class Odd(eqx.Module):
    """Weights of three axes and of none."""

    kernel: jax.Array
    scale: jax.Array

    def __init__(self):
        self.kernel, self.scale = jnp.zeros((2, 3, 4)), jnp.zeros(())

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.scale * jnp.sum(self.kernel) * x[:1]


def test_weights_of_other_ranks_have_numbered_dims_and_data_may_be_missing():
    model = mf.BayesianNetwork(Odd(), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Bernoulli())
    tree = posterior_at(model, 0.1, 0.2).to_datatree(draws=5)
    numbered = [f"kernel_dim_{axis}" for axis in range(3)]
    assert tree["posterior"]["kernel"].dims == ("chain", "draw", *numbered)
    assert tree["posterior"]["scale"].dims == ("chain", "draw")
    assert set(tree.children) == {"posterior", "sample_stats"}


def test_a_loaded_posterior_has_no_rows(fitted: mf.Posterior, tmp_path):
    fitted.save(tmp_path / "file.mf")
    loaded = load(tmp_path / "file.mf")
    tree = loaded.to_datatree(draws=5)
    assert set(tree.children) == {"posterior", "sample_stats"}
    assert tree["posterior"].equals(fitted.to_datatree(draws=5)["posterior"])
    with pytest.raises(ValueError, match="no training data"):
        loaded.to_datatree(draws=5, posterior_predictive=True)


def test_impossible_draws_are_refused(fitted: mf.Posterior):
    with pytest.raises(ValueError, match="n must be a whole number of 1 or more"):
        fitted.to_datatree(draws=0)


@pytest.mark.filterwarnings("ignore:Estimated shape parameter:UserWarning")
def test_arviz_takes_it(fitted: mf.Posterior):
    tree = fitted.to_datatree(draws=400)
    loo = arviz_stats.loo(tree)
    assert loo.n_data_points == len(y)
    pointwise = tree["log_likelihood"]["y"].values[0]
    in_sample = np.sum(np.logaddexp.reduce(pointwise, axis=0) - np.log(len(pointwise)))
    assert loo.elpd < in_sample
    table = arviz_stats.summary(tree, round_to="none")
    assert table.loc["likelihood.sd", "mean"] == pytest.approx(
        float(tree["posterior"]["likelihood.sd"].mean()), rel=1e-5
    )
    assert "layers.0.weight[2, 1]" in table.index


@pytest.mark.filterwarnings("ignore::moonfield.MoonfieldWarning")  # a short fit
def test_observed_values_of_different_lengths_stay_what_they_are() -> None:
    """A dim of one name would fill the shorter with nan and turn whole numbers into floats."""

    def two(first, second):
        level = numpyro.sample("level", dist.Normal(0.0, 1.0))
        numpyro.sample("y1", dist.Normal(level, 1.0).expand([3]).to_event(1), obs=first)
        with numpyro.plate("counts", 5):
            numpyro.sample("y2", dist.Poisson(jnp.exp(level)), obs=second)

    data = {"first": np.array([0.1, 0.2, 0.3]), "second": np.array([0, 2, 1, 0, 1])}
    tree = mf.fit(mf.Program(two), data=data, method="advi", steps=50).to_datatree(draws=5)
    observed = tree["observed_data"]
    np.testing.assert_allclose(observed["y1"], data["first"], rtol=1e-6)
    assert observed["y2"].values.tolist() == [0, 2, 1, 0, 1]
    assert observed["y2"].dtype.kind == "i"


@pytest.mark.filterwarnings("ignore::moonfield.MoonfieldWarning")  # a short fit
def test_observed_values_of_many_axes() -> None:
    def volumes(y):
        level = numpyro.sample("level", dist.Normal(0.0, 1.0))
        with numpyro.plate("rows", y.shape[0]):
            numpyro.sample("y", dist.Normal(level, 1.0).expand([2, 2, 2]).to_event(3), obs=y)

    y = np.arange(40.0).reshape(5, 2, 2, 2)
    tree = mf.fit(mf.Program(volumes), data={"y": y}, method="advi", steps=50).to_datatree(draws=5)
    assert tree["observed_data"]["y"].shape == (5, 2, 2, 2)
    assert tree["observed_data"]["y"].dims[:3] == ("row", "target", "part")
