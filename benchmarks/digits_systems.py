"""One convolutional network three ways: Moonfield's posterior, Adam, a deep ensemble."""

import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.model_selection import train_test_split

import moonfield as mf
from moonfield.networks import weights_of, with_weights

CHANNELS, BATCH, STEPS, MEMBERS, DRAWS = (8, 16), 64, 4_000, 5, 100
RATE, EPOCHS, PATIENCE = 3e-3, 100, 10

# From images to probabilities (rows, 10) and doubt (rows,).
Answers = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def network() -> mf.nets.ConvNet:
    return mf.nets.ConvNet((8, 8), CHANNELS, outputs=10)


def fitted(system: str, images: Any, labels: Any, seed: int) -> tuple[Answers, float]:
    """Answers of a system that saw these rows, and the seconds that its fit took."""
    begun = time.perf_counter()
    answers = SYSTEMS[system](images, labels, seed)
    return answers, time.perf_counter() - begun


# Wider than fan-in alone, since means of pixels shrink what later layers see.
PRIOR = {
    "layers.2.weight": mf.priors.Scaled(6.0),
    "*.weight": mf.priors.Scaled(4.0),
    "*": mf.priors.Normal(0.0, 1.0),
}
TEMPERATURE = 0.1  # of the posterior: at 1 mean-field q is far too wide on so few rows


def method() -> mf.ADVI:
    """Mean-field ADVI of a cold posterior, its steps shrinking to 0."""
    return mf.ADVI(
        objective=mf.objectives.Tempered(TEMPERATURE),
        optimizer=optax.adam(optax.cosine_decay_schedule(0.01, STEPS)),
    )


def bayesian(images: np.ndarray, labels: np.ndarray, seed: int) -> Answers:
    """A posterior over all weights."""
    jax.clear_caches()
    model = mf.BayesianNetwork(network(), PRIOR, mf.likelihoods.Categorical())
    posterior = mf.fit(
        model, images, labels, method=method(), steps=STEPS, batch_size=BATCH, seed=seed,
        progress=False,
    )  # fmt: skip

    def answers(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        prediction = posterior.predict(rows, draws=DRAWS)
        return np.asarray(prediction.mean), np.asarray(prediction.mutual_information)

    return answers


def adam(images: np.ndarray, labels: np.ndarray, seed: int) -> Answers:
    """One network; its doubt is the entropy, as it has no mutual information."""
    jax.clear_caches()
    weights = trained(images, labels, seed)

    def answers(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        probabilities = np.asarray(_probabilities(weights, rows), np.float64)
        return probabilities, entropy(probabilities)

    return answers


def ensemble(images: np.ndarray, labels: np.ndarray, seed: int) -> Answers:
    """Five networks from other starts and other batches (Lakshminarayanan et al., 2017)."""
    jax.clear_caches()
    members = [trained(images, labels, 100 * (seed + 1) + i) for i in range(MEMBERS)]

    def answers(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        each = np.stack([_probabilities(member, rows) for member in members]).astype(np.float64)
        mean = each.mean(axis=0)
        return mean, entropy(mean) - entropy(each).mean(axis=0)

    return answers


SYSTEMS = {"moonfield": bayesian, "adam": adam, "ensemble": ensemble}


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Nats, over the last axis."""
    return -np.sum(probabilities * np.log(np.maximum(probabilities, 1e-30)), axis=-1)


def trained(images: np.ndarray, labels: np.ndarray, seed: int) -> Any:
    """Weights by Adam, stopped when a tenth of the rows says so; the best of all epochs."""
    images, held, labels, truth = train_test_split(
        images, labels, test_size=0.1, stratify=labels, random_state=seed
    )
    rng = np.random.default_rng(seed)
    weights = started(rng)
    state = _OPTIMIZER.init(weights)
    best, score, since = weights, -np.inf, 0
    batches = len(images) // BATCH
    for _ in range(EPOCHS):
        order = rng.permutation(len(images))[: batches * BATCH].reshape(batches, BATCH)
        weights, state = _epoch(weights, state, images[order], labels[order])
        now = -float(_loss(weights, held, truth))
        best, since = (weights, 0) if now > score else (best, since + 1)
        score = max(now, score)
        if since >= PATIENCE:
            break
    return best


def started(rng: np.random.Generator) -> Any:
    """Weights of He et al., 2015, biases 0."""

    def one(leaf: jax.Array) -> jax.Array:
        fan_in = np.prod(leaf.shape[1:]) if leaf.ndim > 1 else np.inf
        return jnp.asarray(rng.normal(size=leaf.shape) * np.sqrt(2.0 / fan_in), leaf.dtype)

    return jax.tree.map(one, weights_of(network()))


_OPTIMIZER = optax.adam(RATE)


def _logits(weights: Any, images: Any) -> jax.Array:
    return jax.vmap(with_weights(network(), weights))(images)


@jax.jit
def _loss(weights: Any, images: Any, labels: Any) -> jax.Array:
    logits = _logits(weights, images)
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


@functools.partial(jax.jit, donate_argnums=1)
def _epoch(weights: Any, state: Any, images: Any, labels: Any) -> tuple[Any, Any]:
    def step(carry: tuple[Any, Any], batch: tuple[Any, Any]) -> tuple[tuple[Any, Any], None]:
        weights, state = carry
        update, state = _OPTIMIZER.update(jax.grad(_loss)(weights, *batch), state, weights)
        return (optax.apply_updates(weights, update), state), None

    return jax.lax.scan(step, (weights, state), (images, labels))[0]


@jax.jit
def _probabilities(weights: Any, images: Any) -> jax.Array:
    return jax.nn.softmax(_logits(weights, images))
