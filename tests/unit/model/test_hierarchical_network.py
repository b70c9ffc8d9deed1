"""Networks of several groups: densities against single networks, and the population."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pandas as pd
import pytest

import moonfield as mf
from moonfield.data import Batch
from moonfield.families import MeanFieldState
from moonfield.model import space
from moonfield.priors import Hierarchy, Pruned, as_prior
from tests.helpers import posterior_at, posterior_of
from tests.integration.fits import run

X = np.random.default_rng(0).normal(size=(12, 2))
Y = np.random.default_rng(1).integers(0, 2, 12)
NAMES = ["a", "b", "c"] * 4
NESTED = [("ford", "t"), ("ford", "a"), ("fiat", "500")] * 4
NORMAL = mf.priors.Normal(0.0, 1.0)


def network() -> mf.nets.MLP:
    return mf.nets.MLP([2, 3, 1])


def hierarchical(groups: Any = NAMES, **options: Any) -> mf.HierarchicalNetwork:
    return mf.HierarchicalNetwork(
        network(), NORMAL, mf.likelihoods.Bernoulli(), groups=groups, **options
    )


def single() -> mf.BayesianNetwork:
    return mf.BayesianNetwork(network(), NORMAL, mf.likelihoods.Bernoulli())


def batch(inputs: Any) -> Batch:
    return Batch(inputs, jnp.asarray(Y, float), jnp.ones(len(Y)))


def drawn(model: Any, seed: int = 3) -> Any:
    return model.sample_prior(jax.random.key(seed))


def test_all_shared_is_one_network(x64: None) -> None:
    model, one = hierarchical(level={"*": "shared"}), single()
    params = drawn(model)
    plain = {**params, "prior": {}}
    np.testing.assert_allclose(model.log_prior(params), one.log_prior(plain))
    rows = batch(model.check_inputs(mf.Rows(X, NAMES)))
    found = model.log_likelihood(params, rows)
    np.testing.assert_allclose(found, one.log_likelihood(plain, batch(jnp.asarray(X))))


@pytest.mark.parametrize("level", [None, {"*": "separate"}, {"layers.0.*": "shared"}])
def test_every_row_is_seen_by_its_own_groups_network(level: Any, x64: None) -> None:
    model, one = hierarchical(level=level), single()
    params = drawn(model)
    rows = batch(model.check_inputs(mf.Rows(X, NAMES)))
    found = model.log_likelihood(params, rows)
    apart, weights = model.hierarchy.apart(model.shapes), model.weights(params)["network"]
    for number in range(3):
        own = jax.tree_util.tree_map_with_path(
            lambda path, leaf, n=number: leaf[n] if _name(path) in apart else leaf, weights
        )
        plain = {"network": own, "prior": {}, "likelihood": {}}
        want = one.log_likelihood(plain, batch(jnp.asarray(X)))
        np.testing.assert_allclose(found[number::3], want[number::3], rtol=1e-10)


class Convolved(eqx.Module):
    """A convolution over 3 x 3 numbers, and a head."""

    convolution: eqx.nn.Conv2d
    head: eqx.nn.Linear

    def __init__(self) -> None:
        self.convolution = eqx.nn.Conv2d(1, 2, kernel_size=2, key=jax.random.key(0))
        self.head = eqx.nn.Linear(8, 1, key=jax.random.key(0))

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.head(jnp.tanh(self.convolution(x[None])).ravel())


@pytest.mark.parametrize("level", ["shared", "partial"])
def test_nested_groups_have_heads_of_their_own_on_a_convolution(level: str, x64: None) -> None:
    images = np.random.default_rng(0).normal(size=(12, 3, 3))
    likelihood = mf.likelihoods.Bernoulli()
    model = mf.HierarchicalNetwork(
        Convolved(), NORMAL, likelihood, groups=NESTED, level={"convolution.*": level}
    )
    params = drawn(model)
    found = model.log_likelihood(params, batch(model.check_inputs(mf.Rows(images, NESTED))))
    one = mf.BayesianNetwork(Convolved(), NORMAL, likelihood)
    weights = model.weights(params)["network"]
    assert weights.head.weight.shape == (3, 1, 8)
    assert weights.convolution.weight.ndim == (4 if level == "shared" else 5)
    for number in range(3):
        own = model.of_group(jax.tree.map(lambda leaf: leaf[None], weights), number)
        plain = {"network": jax.tree.map(lambda leaf: leaf[0], own), "prior": {}, "likelihood": {}}
        want = one.log_likelihood(plain, batch(jnp.asarray(images)))
        np.testing.assert_allclose(found[number::3], want[number::3], rtol=1e-10)


def _name(path: tuple) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


@pytest.mark.parametrize(
    ("per", "shape"), [("weight", (3, 2)), ("unit", (3, 1)), ("layer", (1, 1))]
)
def test_weights_are_the_population_and_a_deviation(per: str, shape: tuple, x64: None) -> None:
    model = hierarchical(NESTED, per=per)
    params = drawn(model)
    own = params["prior"]["groups"]["layers.0.weight"]
    assert own["sd_0"].shape == own["sd_1"].shape == shape
    assert (own["z_0"].shape, own["z_1"].shape) == ((2, 3, 2), (3, 3, 2))
    found = np.asarray(model.weights(params)["network"].layers[0].weight)
    for number, maker in enumerate([0, 0, 1]):
        want = params["network"].layers[0].weight + own["sd_0"] * own["z_0"][maker]
        np.testing.assert_allclose(found[number], want + own["sd_1"] * own["z_1"][number])


def test_the_prior_density_is_that_of_its_parts(x64: None) -> None:
    model = hierarchical(level={"layers.0.*": "separate", "layers.1.bias": "shared"})
    params = drawn(model)
    groups = params["prior"]["groups"]
    want = sum(
        dist.HalfNormal(0.5).log_prob(value).sum()
        if name == "sd"
        else dist.Normal(0.0, 1.0).log_prob(value).sum()
        for entries in groups.values()
        for name, value in entries.items()
    )
    want += sum(dist.Normal().log_prob(leaf).sum() for leaf in jax.tree.leaves(params["network"]))
    assert len(jax.tree.leaves(params["network"])) == 2  # of the last layer
    np.testing.assert_allclose(model.log_prior(params), want, rtol=1e-10)


def posterior(model: mf.HierarchicalNetwork, sd: float = 0.3) -> mf.Posterior:
    """A mean-field posterior somewhere."""
    means = np.random.default_rng(2).normal(size=space(model).size)
    return posterior_at(model, means, sd)


def test_a_row_is_predicted_alike_in_any_company() -> None:
    it = posterior(hierarchical())
    whole = it.predict(X, groups=NAMES, draws=20)
    some = it.predict(X[3:5], groups=[NAMES[3], None], draws=20)
    assert some.mean[0] == whole.mean[3]
    assert some.sd[0] == whole.sd[3]
    assert some.mean[1] != whole.mean[4]


def test_a_new_group_has_the_populations_weights() -> None:
    """One weight: w = mu + s z, under a known posterior of mu and s."""
    line = mf.nets.MLP([1, 1], bias=False)
    model = mf.HierarchicalNetwork(
        line, NORMAL, mf.likelihoods.Normal(sd=1.0), groups=5, spread=dist.LogNormal(0.0, 1.0)
    )
    it = space(model)
    mean, log_sd = np.zeros(it.size), np.full(it.size, -20.0)
    begins = np.cumsum([0, *map(np.prod, it.shapes)][:-1]).astype(int)
    places = dict(zip(it.paths, begins, strict=True))
    mean[places["layers.0.weight"]], log_sd[places["layers.0.weight"]] = 2.0, np.log(0.5)
    mean[places["prior.groups.layers.0.weight.sd"]] = np.log(1.5)
    z = places["prior.groups.layers.0.weight.z"]
    mean[z : z + 5] = [-2.0, -1.0, 0.0, 1.0, 2.0]
    state = MeanFieldState(jnp.asarray(mean, float), jnp.asarray(log_sd, float))
    fit = posterior_of(model, state)
    ones = np.ones((6, 1))
    found = fit.predict(ones, groups=[0, 1, 2, 3, 4, None], draws=20_000)
    np.testing.assert_allclose(found.mean, [-1.0, 0.5, 2.0, 3.5, 5.0, 2.0], atol=0.05)
    np.testing.assert_allclose(found.epistemic[:5], 0.5, rtol=0.03)
    np.testing.assert_allclose(found.epistemic[5], np.hypot(0.5, 1.5), rtol=0.03)


def test_a_new_model_of_a_known_maker_is_like_its_maker() -> None:
    it = posterior(hierarchical(NESTED), sd=0.01)
    found = it.predict(np.tile(X[:1], (3, 1)), groups=[("ford", "t"), ("ford", None), (None, None)],
                       draws=2_000)  # fmt: skip
    assert found.epistemic[0] < found.epistemic[1] < found.epistemic[2]


@pytest.mark.slow
def test_a_fit_learns_from_other_groups() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(130, 2))
    groups = ["many"] * 60 + ["also many"] * 60 + ["few"] * 10
    y = rows @ [1.0, -1.0] + 0.1 * rng.normal(size=130)
    fresh = rng.normal(size=(100, 2))
    errors = {}
    for level in ("partial", "separate"):
        model = mf.HierarchicalNetwork(
            mf.nets.MLP([2, 8, 1]), mf.priors.Scaled(1.0), mf.likelihoods.Normal(),
            groups=groups, level={"*": level},
        )  # fmt: skip
        fit = mf.fit(model, rows, y, groups=groups, method="advi", steps=4_000)
        error = fit.predict(fresh, groups=["few"] * 100).mean - fresh @ [1.0, -1.0]
        errors[level] = np.sqrt(np.mean(error**2))
    assert errors["partial"] < 0.8 * errors["separate"]


@pytest.mark.slow
def test_minibatches_and_draws_and_tables() -> None:
    model = hierarchical(NESTED)
    table = pd.DataFrame(NESTED, columns=["maker", "model"])
    fit = mf.fit(model, X, Y, groups=table, method="advi", steps=50, batch_size=5)
    assert fit.predict(X, groups=NESTED, draws=5).mean.shape == (12,)
    rows = mf.Rows(X, NESTED)
    assert fit.log_likelihood(rows, Y, draws=4).shape == (4, 12)
    outputs = fit.map(lambda params, row: params["network"](row), rows, draws=4)
    assert outputs.shape == (4, 12, 1)
    tree = fit.to_datatree(draws=5)
    assert tree["log_likelihood"].to_dataset()["y"].shape == (1, 5, 12)


def test_it_is_checked_by_its_predictions() -> None:
    model = hierarchical()
    fit = mf.fit(model, X, Y, groups=NAMES, method="advi", steps=200, restarts=2)
    found = fit.check(mf.Rows(X[:3], ["a", "b", None]), Y[:3], draws=50)
    assert np.isfinite(found.training).all()
    assert np.isfinite(found.held_out).all()
    assert found.disagreement is not None


def test_a_fit_repeats_and_a_second_one_compiles_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def again() -> mf.Posterior:
        fit = mf.fit(hierarchical(), X, Y, groups=NAMES, method="advi", steps=50)
        assert fit.predict(X, groups=[*NAMES[:-1], None], draws=5).mean.shape == (12,)
        return fit

    first = again()
    assert run(again, caplog) == []
    assert again().elbo.tobytes() == first.elbo.tobytes()


def test_mistakes_are_named(wrong_types: None) -> None:
    model = hierarchical()
    with pytest.raises(ValueError, match="needs the group of each row"):
        mf.fit(model, X, Y)
    with pytest.raises(ValueError, match="12 rows, but groups has 3"):
        mf.fit(model, X, Y, groups=["a", "b", "c"])
    with pytest.raises(ValueError, match=r"groups\[1\] is 'z'.*use None"):
        posterior(model).predict(X[:2], groups=["a", "z"])
    with pytest.raises(ValueError, match="groups is not available for BayesianNetwork"):
        mf.fit(single(), X, Y, groups=NAMES)
    with pytest.raises(ValueError, match="must be 'shared', 'partial' or 'separate'"):
        hierarchical(level={"*": "pooled"})
    with pytest.raises(ValueError, match=r"'layers\.9\.\*' matches no parameter"):
        hierarchical(level={"layers.9.*": "shared"})
    with pytest.raises(ValueError, match="two groups or more"):
        hierarchical(["a", "a"])
    with pytest.raises(ValueError, match="same depth"):
        hierarchical([("a", "b"), ("c",)])
    with pytest.raises(ValueError, match="A group is missing"):
        hierarchical(["a", None])
    with pytest.raises(TypeError, match="names of groups"):
        hierarchical("abc")
    with pytest.raises(ValueError, match="spread must be a distribution of one positive"):
        hierarchical(spread=dist.Normal(0.0, 1.0))
    for prior in (mf.priors.Laplace(0.0, 1.0), mf.priors.LearnedScale()):
        with pytest.raises(ValueError, match="needs a normal prior"):
            mf.HierarchicalNetwork(
                network(), prior, mf.likelihoods.Bernoulli(), groups=3, level={"*": "separate"}
            )


def test_a_hierarchy_of_other_levels_is_refused() -> None:
    given = hierarchical(NESTED).prior
    other = Hierarchy(given.base, {}, given.parents[:1], given.spread)
    with pytest.raises(ValueError, match="for the same groups"):
        mf.HierarchicalNetwork(network(), other, mf.likelihoods.Bernoulli(), groups=NESTED)


def test_groups_of_pruned_networks_are_refused() -> None:
    mask = {"layers.0.weight": np.ones((3, 2), bool)}
    pruned = Pruned(as_prior(NORMAL), mask)
    with pytest.raises(ValueError, match=r"without mf\.priors\.Pruned"):
        mf.HierarchicalNetwork(network(), pruned, mf.likelihoods.Bernoulli(), groups=NAMES)


FEW: dict[str, Any] = {"method": "advi", "steps": 2, "progress": False}


def test_a_fit_goes_on_with_the_same_groups_in_the_same_order() -> None:
    old = mf.fit(hierarchical(NAMES), X, Y, groups=NAMES, **FEW)
    mf.fit(hierarchical(old.model.groups), X, Y, groups=NAMES[::-1], **FEW, start=old)
    for groups in (NAMES[::-1], ["x", "y", "z"] * 4):
        with pytest.raises(ValueError, match=r"Build the model with groups=start\.model\.groups"):
            mf.fit(hierarchical(groups), X, Y, groups=groups, **FEW, start=old)


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT])
def test_a_group_that_is_missing_was_not_seen(missing: Any, wrong_types: None) -> None:
    some = [*NAMES[:-1], missing]
    with pytest.raises(ValueError, match="A group is missing"):
        hierarchical(some)
    with pytest.raises(ValueError, match=r"groups\[11\] is missing"):
        mf.fit(hierarchical(NAMES), X, Y, groups=some, **FEW)
    posterior = mf.fit(hierarchical(NAMES), X, Y, groups=NAMES, **FEW)
    found = posterior.predict(X, groups=pd.Series(some, dtype=object)).mean
    np.testing.assert_array_equal(found, posterior.predict(X, groups=[*NAMES[:-1], None]).mean)
