"""Flax NNX modules as networks. Flax is loaded when the first module is given."""

from typing import Any


def network(module: Any, batched: bool = True) -> Any:
    """A Flax NNX module as the network of a Bayesian neural network: a function of one row.

    Its parameters (`nnx.Param` of floating-point numbers) are the weights, by their paths in the
    module: `layers.1.kernel`. Kernels of dense and convolutional layers are held with outputs
    first, (outputs, inputs) and (outputs, inputs, height, width), as everywhere in Moonfield, so
    that priors know what an input and what a unit is; `to_flax` gives them back as Flax has them.
    All other variables (averages of a BatchNorm that is at rest, say) are constants. The module
    that is given is left as it is.

    `mf.priors.Informed.from_weights(network, sd=0.1)` is a prior near the module's own weights.

    Args:
        module: a callable `nnx.Module`.
        batched: whether it is written for arrays with rows first, as is usual in Flax: it is then
            called on a batch of one row. False: it is called on the row itself.

    Returns:
        A `FlaxNetwork`, an `equinox.Module`.

    Raises:
        ImportError: Flax is not installed.
        TypeError: module is not a callable `nnx.Module`.
        ValueError: it has Dropout or a BatchNorm in training, or no parameter; when called, it
            changes a variable, draws random numbers, or puts out another shape than
            (1, outputs) for a batch of one row.

    Example:
        >>> import moonfield as mf
        >>> from flax import nnx
        >>> rngs = nnx.Rngs(0)
        >>> layers = nnx.Linear(2, 5, rngs=rngs), nnx.tanh, nnx.Linear(5, 1, rngs=rngs)
        >>> network = mf.interop.flax.network(nnx.Sequential(*layers))
        >>> print(mf.BayesianNetwork(network, mf.priors.Scaled(1.0), mf.likelihoods.Bernoulli()))
        BayesianNetwork of FlaxNetwork, 21 weights
          layers.0.bias    (5,)         ~ Normal(0, 1)
          layers.0.kernel  (5, 2)       ~ Normal(0, 0.7071)
          layers.2.bias    (1,)         ~ Normal(0, 1)
          layers.2.kernel  (1, 5)       ~ Normal(0, 0.4472)
          y ~ Bernoulli(logits = outputs)
    """
    try:
        import flax.nnx  # noqa: F401, PLC0415
    except ImportError as error:
        raise ImportError('Flax modules need Flax: pip install "moonfield[flax]".') from error
    from .adapter import adapt  # noqa: PLC0415

    return adapt(module, batched)


__all__ = ["network"]
