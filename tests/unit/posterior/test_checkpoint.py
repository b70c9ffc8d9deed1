"""What a checkpoint may be made of."""

from pathlib import Path

import numpy as np
import pytest

import moonfield as mf
from tests.helpers import Split, linear_model, regression_rows


@pytest.mark.parametrize(
    ("every", "seconds", "steps"),
    [
        ("60s", 60.0, 0), ("0.5s", 0.5, 0), ("10min", 600.0, 0), (" 1.5 h ", 5_400.0, 0),
        (1, 0.0, 1), (np.int64(500), 0.0, 500),
    ],
)  # fmt: skip
def test_intervals(every, seconds, steps, wrong_types):
    found = mf.Checkpoint("run", every)
    assert (found.seconds, found.steps) == (seconds, steps)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": "0s"}, "every must be a time such as '60s', '10min' or '2h', or a number"),
        ({"every": "often"}, "got 'often'"),
        ({"every": "-3s"}, "got '-3s'"),
        ({"every": "60"}, "got '60'"),
        ({"every": 0}, "every, if it is no time such as '60s', must be a whole number of 1 or"),
        ({"every": 1.5}, "got 1.5"),
        ({"every": None}, "got None"),
        ({"keep": 0}, "keep must be a whole number of 1 or more, got 0"),
        ({"resume": 1}, "resume must be True or False, got 1"),
        ({"folder": 3}, "folder must be the path of a folder, got 3"),
    ],
)
def test_bad_arguments(options, message, wrong_types):
    with pytest.raises((TypeError, ValueError), match=message):
        mf.Checkpoint(**{"folder": "run", **options})


def test_the_folder_is_made_and_a_file_is_refused(tmp_path: Path):
    (X, y), model = regression_rows(20, 2), linear_model(2, mf.likelihoods.Normal(0.5))
    mf.fit(model, X, y, method="advi", steps=5, checkpoint=tmp_path / "a" / "b")
    assert len(list((tmp_path / "a" / "b").iterdir())) == 1
    with pytest.raises(mf.FileFormatError, match="it holds a 'checkpoint', not a posterior"):
        mf.load(next((tmp_path / "a" / "b").iterdir()))
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match=r"file is a file. Give a folder"):
        mf.fit(model, X, y, method="advi", steps=5, checkpoint=tmp_path / "file")


@pytest.mark.parametrize("method", ["nuts", "map", "laplace", "dadvi"])
def test_methods_with_loops_of_their_own_refuse_it(moons: Split, model, method, tmp_path):
    with pytest.raises(ValueError, match=f"checkpoint is not for method '{method}'.*Leave it out"):
        mf.fit(model, moons.X, moons.y, method=method, checkpoint=tmp_path / "run")
    assert not (tmp_path / "run").exists()
