"""Active learning: which rows are asked for, and when it ends."""

from typing import Any

import numpy as np
import pytest

import moonfield as mf
from moonfield.applications.active import as_acquisition
from tests.helpers import posterior_at

active = mf.applications.active
POOL = np.random.default_rng(0).normal(size=(60, 2))
LABELS = (POOL[:, 0] > 0).astype(int)


class Known:
    """A prediction with given fields."""

    kind = "classes"

    def __init__(self, **fields: Any):
        self.__dict__.update({name: np.asarray(value) for name, value in fields.items()})


def chosen(acquire: Any, prediction: Any, wanted: int, X: np.ndarray) -> list[int]:
    places, values = as_acquisition(acquire)(prediction, X, wanted, np.random.default_rng(0))
    assert len(places) == len(values) == wanted
    return places.tolist()


def test_the_largest_values_are_asked_for(wrong_types: None) -> None:
    X = np.zeros((4, 1))
    known = Known(mutual_information=[0.1, 0.3, 0.2, 0.0], entropy=[0.0, 0.1, 0.2, 0.3],
                  probabilities=[[0.9, 0.1], [0.7, 0.3], [0.51, 0.49], [0.2, 0.8]],
                  epistemic=[3.0, 0.0, 2.0, 1.0])  # fmt: skip
    assert chosen("mutual_information", known, 2, X) == [1, 2]
    assert chosen("entropy", known, 2, X) == [3, 2]
    assert chosen("margin", known, 2, X) == [2, 1]
    assert chosen("sd", known, 2, X) == [0, 2]
    assert chosen(lambda prediction: -prediction.entropy, known, 2, X) == [0, 1]


def test_a_batch_asks_for_no_row_twice(wrong_types: None) -> None:
    known = Known(mutual_information=[0.5, 0.4, 0.3, 0.2])
    assert sorted(chosen("batch", known, 3, np.array([[0.0], [0.0], [1.0], [0.0]]))) == [0, 1, 2]


def test_a_batch_is_kept_apart(wrong_types: None) -> None:
    X = np.array([[0.0], [0.001], [0.002], [5.0]])
    known = Known(mutual_information=[0.50, 0.49, 0.48, 0.3])
    assert chosen("batch", known, 2, X) == [0, 3]
    assert chosen("mutual_information", known, 2, X) == [0, 1]


def model() -> mf.BayesianNetwork:
    return mf.BayesianNetwork(
        mf.nets.MLP([2, 1]), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Bernoulli()
    )


def fixed(X: np.ndarray, y: np.ndarray, previous: Any) -> mf.Posterior:
    return posterior_at(model(), 0.1, 1.0)


def test_every_row_is_asked_for_once_and_fits_start_from_the_last() -> None:
    asked, starts, sizes = [], [], []

    def oracle(rows: np.ndarray) -> np.ndarray:
        asked.extend(rows.tolist())
        return LABELS[rows]

    def fit(X: np.ndarray, y: np.ndarray, previous: Any) -> mf.Posterior:
        starts.append(previous)
        sizes.append(len(X))
        np.testing.assert_array_equal(y, (X[:, 0] > 0).astype(int))
        return fixed(X, y, previous)

    found = active.learn(POOL, oracle, fit, first=5, per_round=4, budget=16,
                         score=lambda fit: float(sizes[-1]))  # fmt: skip
    assert sizes == [5, 9, 13, 16]
    assert asked == found.labelled.tolist()
    assert len(set(asked)) == 16
    assert starts[0] is None
    assert all(isinstance(start, mf.Posterior) for start in starts[1:])
    assert found.curve.tolist() == [[n, n] for n in sizes]
    assert found.stopped == "budget"
    again = active.learn(POOL, oracle, fixed, first=5, per_round=4, budget=16)
    assert again.labelled.tolist() == found.labelled.tolist()
    other = active.learn(POOL, oracle, fixed, first=5, per_round=4, budget=16, seed=1)
    assert other.labelled.tolist() != found.labelled.tolist()


def test_a_round_looks_at_as_many_rows_as_it_asks_for() -> None:
    found = active.learn(POOL, lambda rows: LABELS[rows], fixed, first=5, per_round=4, budget=16,
                         candidates=2)  # fmt: skip
    assert [one.labels for one in found.rounds] == [5, 9, 13, 16]


def test_it_ends_with_the_pool_or_by_a_rule() -> None:
    found = active.learn(POOL[:7], lambda rows: LABELS[rows], fixed, first=3, per_round=3)
    assert found.stopped == "pool"
    assert sorted(found.labelled.tolist()) == list(range(7))
    found = active.learn(POOL, lambda rows: LABELS[rows], fixed, first=3,
                         stop=lambda rounds: len(rounds) == 4)  # fmt: skip
    assert (found.stopped, len(found.labelled)) == ("rule", 6)


def test_settled_waits_for_several_low_rounds() -> None:
    def rounds(values: list[float]) -> tuple:
        return tuple(active.Round(i, 0.0, value) for i, value in enumerate([*values, np.nan]))

    rule = active.settled(rounds=3, tolerance=0.1)
    assert not rule(rounds([1.0, 0.05]))
    assert not rule(rounds([1.0, 0.05, 0.05, 0.2]))
    assert rule(rounds([1.0, 0.05, 0.05, 0.05]))


def test_mistakes_are_named(wrong_types: None) -> None:
    def oracle(rows: np.ndarray) -> np.ndarray:
        return LABELS[rows]

    with pytest.raises(ValueError, match="must be one of 'mutual_information'"):
        active.learn(POOL, oracle, fixed, acquire="entropie")
    with pytest.raises(TypeError, match="a name or a function"):
        active.learn(POOL, oracle, fixed, acquire=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the pool has 4 rows"):
        active.learn(POOL[:4], oracle, fixed)
    with pytest.raises(ValueError, match="asked for 10 labels"):
        active.learn(POOL, lambda rows: LABELS[:3], fixed)
    with pytest.raises(ValueError, match="one value a row"):
        active.learn(POOL, oracle, fixed, acquire=lambda prediction: 0.0)


def test_settled_needs_values_that_are_not_negative() -> None:
    def rounds(*values: float) -> tuple[active.Round, ...]:
        return tuple(active.Round(n, 0.0, value) for n, value in enumerate((*values, np.nan)))

    with pytest.raises(ValueError, match=r"at least 0; one is -0\.3"):
        active.settled()(rounds(-0.3, -0.3, -0.3, -0.1, -0.1))
    assert active.settled()(rounds(0.0, 0.0, 0.0, 0.0, 0.0))


def test_margins_are_positive(wrong_types: None) -> None:
    """1 where two classes are equally probable: `settled` compares with the largest."""
    known = Known(probabilities=[[0.9, 0.1], [0.5, 0.5]])
    _, values = as_acquisition("margin")(known, np.zeros((2, 1)), 2, np.random.default_rng(0))
    np.testing.assert_allclose(values, [1.0, 0.2])


def test_the_first_rows_may_be_named() -> None:
    def begin(first: Any) -> active.ActiveLearning:
        return active.learn(
            POOL, lambda rows: LABELS[rows], fixed, acquire="random", first=first, budget=4
        )  # fmt: skip

    assert begin([7, 3, 50]).labelled[:3].tolist() == [7, 3, 50]
    assert begin(np.array([7, 3], np.uint64)).labelled.dtype == np.int64
    assert len(begin(3).labelled) == 4
    for wrong in ([1, 1], [60], [], [1, 2, 3, 4, 5]):
        with pytest.raises(ValueError, match="first"):
            begin(wrong)
    for wrong in ([0.5], [[1]]):
        with pytest.raises(TypeError, match="first"):
            begin(wrong)


def test_without_a_name_it_is_what_the_weights_do_not_agree_on(wrong_types: None) -> None:
    X = np.zeros((3, 1))
    known = Known(mutual_information=[0.1, 0.3, 0.2], epistemic=[3.0, 0.0, 2.0])
    assert chosen(None, known, 2, X) == [1, 2]
    known.kind = "numbers"
    assert chosen(None, known, 2, X) == [0, 2]
    for name in ("mutual_information", "entropy", "margin"):
        with pytest.raises(ValueError, match=f"acquire='{name}' is for classes; leave it out"):
            chosen(name, known, 2, X)
