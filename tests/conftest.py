"""What holds for every test: strictness, fixed randomness, and a few shared fits."""

from tests.strict import install, unchecked

install()

from collections.abc import Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

import jax  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

import moonfield as mf  # noqa: E402
from tests.helpers import Split, moons_model, moons_split  # noqa: E402

settings.register_profile("moonfield", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("moonfield")


_MAPS = Path("/proc/self/maps")
_MANY_MAPS = 30_000


@pytest.fixture(scope="module", autouse=True)
def few_memory_maps() -> Iterator[None]:
    """Forget compiled code before Linux refuses more memory maps (65,530) and XLA dies of it."""
    yield
    if _MAPS.exists() and _MAPS.read_bytes().count(b"\n") > _MANY_MAPS:
        jax.clear_caches()


@pytest.fixture(scope="session")
def moons() -> Split:
    """1,000 moons, standardised, 500 to train and 500 to test."""
    return moons_split()


@pytest.fixture(scope="session")
def model() -> mf.BayesianNetwork:
    """The classic 2-5-5-1 network."""
    return moons_model()


@pytest.fixture(scope="session")
def posterior(model: mf.BayesianNetwork, moons: Split) -> mf.Posterior:
    """A short fit of the moons."""
    return mf.fit(model, moons.X, moons.y, steps=600, seed=0)


@pytest.fixture
def x64() -> Iterator[None]:
    """64-bit numbers for one test."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def wrong_types() -> Iterator[None]:
    """Switch beartype off, to see our own errors for arguments of a wrong type."""
    with unchecked():
        yield
