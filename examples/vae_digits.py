"""A variational autoencoder of handwritten digits, its decoder's weights with priors.

    python examples/vae_digits.py [FOLDER]

Every image has a code of two numbers, its local latent variable. An encoder gives its posterior,
and a network whose weights are latent variables too turns codes into images. Prints the held-out
ELBO per image beside that of independent pixels, and draws the plane of codes and new images.
"""

import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import numpyro
import numpyro.distributions as dist
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import moonfield as mf

PIXELS, HIDDEN, CODE = 64, 32, 2


def vae(images):
    first = affine("first", CODE, HIDDEN)
    last = affine("last", HIDDEN, PIXELS)
    with numpyro.plate("rows", images.shape[0]):
        code = numpyro.sample("code", dist.Normal(0.0, 1.0).expand([CODE]).to_event(1))
        logits = last(jnp.tanh(first(code)))
        numpyro.sample("image", dist.Bernoulli(logits=logits).to_event(1), obs=images)


def affine(name, inputs, outputs):
    shape = [outputs, inputs]
    weight = numpyro.sample(f"{name}.weight", dist.Normal(0.0, 1.0).expand(shape).to_event(2))
    bias = numpyro.sample(f"{name}.bias", dist.Normal(0.0, 1.0).expand([outputs]).to_event(1))
    return lambda x: x @ weight.T + bias[None]


def digits():
    """Binary images (rows, 64) and their labels, 1,500 to train and 297 to test."""
    X, label = load_digits(return_X_y=True)
    return train_test_split(1.0 * (X > 7), label, train_size=1_500, random_state=0)


def independent_pixels(train, test):
    """Log-density of each test image if every pixel were a coin of its own, nats."""
    share = (train.sum(axis=0) + 0.5) / (len(train) + 1.0)
    return test @ np.log(share) + (1.0 - test) @ np.log1p(-share)


def draw(posterior, images, labels) -> Figure:
    """Codes of held-out images, coloured by digit; new images from the prior of codes."""
    figure, (plane, new) = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
    codes = posterior.sites({"images": images}, ["code"], draws=200)["code"].mean(axis=0)
    points = plane.scatter(*codes.T, c=labels, cmap="tab10", vmin=-0.5, vmax=9.5, s=18)
    figure.colorbar(points, ax=plane, ticks=range(10), label="digit")
    plane.set(title="Codes of held-out images", xlabel="first number", ylabel="second number")
    fresh = posterior.map(probabilities, {}, draws=48).reshape(6, 8, 8, 8)
    framed = np.pad(fresh, ((0, 0), (0, 0), (1, 1), (1, 1)))
    new.imshow(framed.transpose(0, 2, 1, 3).reshape(60, 80), cmap="gray_r", vmin=0, vmax=1)
    new.set(title="New images: probability of ink", xticks=[], yticks=[])
    return figure


def probabilities(params, row):
    hidden = jnp.tanh(params["first.weight"] @ params["code"] + params["first.bias"])
    return jax.nn.sigmoid(params["last.weight"] @ hidden + params["last.bias"])


def main(folder="."):
    train, test, _, labels = digits()
    encoder = eqx.nn.MLP(PIXELS, 2 * CODE, 128, 2, key=jax.random.key(0))
    method = mf.ADVI(family=mf.Amortised(encoder))
    posterior = mf.fit(
        mf.Program(vae), data={"images": train}, method=method, batch_size=128, steps=8_000
    )
    print(posterior.diagnostics)
    elbo = posterior.row_elbo({"images": test}, draws=200).mean()
    baseline = independent_pixels(train, test).mean()
    print(f"Held-out nats per image: {elbo:.2f} (ELBO), independent pixels {baseline:.2f}")
    path = Path(folder) / "vae_digits.png"
    draw(posterior, test, labels).savefig(path, dpi=120)
    print(f"Figure: {path}")
    return elbo, baseline


if __name__ == "__main__":
    main(*sys.argv[1:])
