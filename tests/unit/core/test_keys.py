"""Seeds and streams."""

from typing import Any

import jax
import numpy as np
import pytest

from moonfield._core.keys import Stream, check_seed, stream, streams, words


def test_every_purpose_and_every_seed_has_its_own_stream() -> None:
    seeds = [0, 1, 2**31, 2**32 - 1]
    data = [
        tuple(np.asarray(jax.random.key_data(stream(seed, purpose))))
        for seed in seeds
        for purpose in Stream
    ]
    assert len(set(data)) == len(seeds) * len(Stream)


def test_a_stream_is_a_function_of_its_seed() -> None:
    one, same = (jax.random.normal(stream(3, Stream.noise), (4,)) for _ in range(2))
    np.testing.assert_array_equal(one, same)


def test_more_keys_begin_with_the_same_and_all_differ() -> None:
    few, many = (np.asarray(jax.random.key_data(streams(3, Stream.noise, n))) for n in (2, 50))
    np.testing.assert_array_equal(few, many[:2])
    np.testing.assert_array_equal(few[0], jax.random.key_data(stream(3, Stream.noise)))
    assert len(np.unique(many, axis=0)) == 50


def test_words_do_not_change_between_versions() -> None:
    """NumPy promises that a seed sequence gives the same words for ever."""
    assert (
        words(3, Stream.shuffle, 3).tolist()
        == np.random.SeedSequence((3, 2)).generate_state(3).tolist()
    )


@pytest.mark.parametrize("implementation", ["threefry2x32", "rbg"])
def test_keys_fit_the_generator_that_the_user_chose(implementation: str) -> None:
    with jax.default_prng_impl(implementation):
        assert jax.random.normal(stream(0, Stream.draws), (3,)).shape == (3,)


@pytest.mark.parametrize("seed", [0, np.int64(7), np.uint32(2**32 - 1)])
def test_whole_numbers_are_seeds(seed: Any) -> None:
    check_seed(seed)
    stream(int(seed), Stream.start)


@pytest.mark.parametrize("seed", [-1, 2**32, 10**30])
def test_numbers_out_of_range(seed: int) -> None:
    with pytest.raises(ValueError, match=f"seed must lie between 0 and .*got {seed}"):
        check_seed(seed)


@pytest.mark.parametrize("seed", [1.0, "1", None, True])
def test_other_things_are_no_seeds(seed: Any) -> None:
    with pytest.raises(TypeError, match="seed must be an integer"):
        check_seed(seed)
