"""One fit by several processes, each of which reads its own rows.

    python examples/two_hosts.py FILE                               one process with all rows
    python examples/two_hosts.py FILE HOST:PORT PROCESSES PROCESS   one of several

The second line is what every host runs, each with its own number as PROCESS (0, 1, ...); HOST:PORT
is an address of host 0 that all of them reach. Writes the fit to FILE (.npz); the files of all
processes hold the same. `sh examples/two_hosts.sh` runs two processes on this machine and prints
how well they agree with one:

    python examples/two_hosts.py compare FILE FILE ...
"""

import sys

import jax
import numpy as np
from sklearn.datasets import make_moons

import moonfield as mf

ROWS, STEPS, BATCH = 1_001, 2_000, 100
LOST_AFTER = 20  # seconds without a sign of life after which a process counts as lost


def shard(process, processes):
    """The rows of one process; in earnest, those of its own file."""
    X, y = make_moons(ROWS, noise=0.2, random_state=0)
    return np.array_split(X, processes)[process], np.array_split(y, processes)[process]


def fit(X, y, devices):
    network = mf.nets.MLP([2, 5, 5, 1], activation="tanh")
    model = mf.BayesianNetwork(network, mf.priors.Normal(), mf.likelihoods.Bernoulli())
    return mf.fit(model, X, y, steps=STEPS, batch_size=BATCH, seed=0, devices=devices)


def join(address, processes, process):
    """Before anything else that JAX does."""
    jax.config.update("jax_cpu_collectives_implementation", "gloo")  # where there is no GPU
    jax.distributed.initialize(address, processes, process, heartbeat_timeout_seconds=LOST_AFTER)


def main(file, address=None, processes=1, process=0):
    if address is not None:
        join(address, int(processes), int(process))
    X, y = shard(int(process), int(processes))
    posterior = fit(X, y, devices="all")
    print(f"process {process} of {processes}: {len(X)} rows; {posterior.diagnostics}")
    facts, (mean, _) = posterior.diagnostics, posterior.approximation.moments()
    np.savez(file, trace=posterior.elbo, elbo=facts.elbo, error=facts.elbo_se, mean=mean)


def compare(reference, *files):
    one = np.load(reference)
    for file in files:
        other = np.load(file)
        first = np.max(np.abs(other["trace"] - one["trace"])[:200] / np.abs(one["trace"][:200]))
        print(
            f"{file}: first 200 steps agree to {first:.1e}; final ELBO {other['elbo']:.3f}, of one "
            f"process {one['elbo']:.3f} +- {one['error']:.3f}"
        )
    same = all(np.load(file)["trace"].tobytes() == other["trace"].tobytes() for file in files)
    print(f"processes agree in every bit: {same}")


if __name__ == "__main__":
    compare(*sys.argv[2:]) if sys.argv[1] == "compare" else main(*sys.argv[1:])
