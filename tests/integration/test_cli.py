"""The commands on tables: formats, answers, and one clear line for whatever is wrong."""

import gzip
import json
import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

import moonfield as mf
from moonfield.cli import main, predicting, tables
from moonfield.cli.columns import Place, exception_to_numbers, labels
from moonfield.cli.fitting import _task
from moonfield.estimators.columns import level_text
from moonfield.inference import METHODS
from moonfield.inference.driver import Driver

ROWS = 60
FIT = ["--hidden", "4", "--steps", "60"]
SUFFIXES = (".csv", ".tsv", ".parquet", ".arrow", ".jsonl")
NUMBERS = ["mean", "sd", "epistemic", "aleatoric", "low", "high"]


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's tests do not use the command line's cache of compiled code."""
    monkeypatch.setattr("moonfield.cli.cache.use_compilation_cache", lambda: None)


def frame(rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    """Numbers, whole numbers, text and yes or no; a target of each kind."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    return pd.DataFrame(
        {
            "größe": x,
            "count": rng.integers(0, 9, rows),
            "stadt": rng.choice(["Kiel", "São Paulo", "東京"], rows),
            "new": rng.random(rows) < 0.5,
            "price": 100.0 + 3.0 * x + rng.normal(size=rows),
            "kind": np.where(x > 0.0, "good", "bad"),
        }
    )


def write(path: Path, data: pd.DataFrame) -> Path:
    """A table in the format of its suffix, by other writers than the command line's."""
    if path.suffix in (".csv", ".tsv"):
        data.to_csv(path, index=False, sep="," if path.suffix == ".csv" else "\t")
    elif path.suffix == ".parquet":
        data.to_parquet(path)
    elif path.suffix == ".arrow":
        pyarrow.feather.write_feather(pa.Table.from_pandas(data), path)
    else:
        data.to_json(path, orient="records", lines=True, double_precision=15, force_ascii=False)
    return path


def read(path: Path) -> pd.DataFrame:
    """By other readers than the command line's."""
    if path.suffix in (".csv", ".tsv"):
        separator = "," if path.suffix == ".csv" else "\t"
        return pl.read_csv(path, separator=separator).to_pandas()
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".arrow":
        return pyarrow.feather.read_table(path).to_pandas()
    return pd.DataFrame([json.loads(line) for line in path.read_text("utf-8").splitlines()])


class Fitted(NamedTuple):
    """A folder with models of numbers and of classes, and what was said of the former."""

    folder: Path
    said: str

    @property
    def numbers(self) -> str:
        return str(self.folder / "numbers.mf")

    @property
    def classes(self) -> str:
        return str(self.folder / "classes.mf")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    folder = tmp_path_factory.mktemp("models")
    table = write(folder / "train.csv", frame())
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("moonfield.cli.cache.use_compilation_cache", lambda: None)
    out = folder / "numbers.mf"
    said: list[str] = []
    monkeypatch.setattr("typer.echo", said.append)
    fit = ["fit", str(table), *FIT]
    assert main([*fit, "--target", "price", "--out", str(out), "--ignore", "kind"]) == 0
    out = folder / "classes.mf"
    assert main([*fit, "--target", "kind", "--out", str(out), "--ignore", "price"]) == 0
    monkeypatch.undo()
    return Fitted(folder, "\n".join(said))


def failure(capsys: pytest.CaptureFixture[str], *arguments: Any) -> str:
    """The one line that a command fails with."""
    assert main([str(argument) for argument in arguments]) == 2
    caught = capsys.readouterr()
    assert caught.out == ""
    assert re.fullmatch(r"moonfield: [^\n]+\n", caught.err), caught.err
    return caught.err


def document(capsys: pytest.CaptureFixture[str], *arguments: Any) -> Any:
    """The one JSON document on the standard output stream."""
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def expected(fitted: Fitted, data: pd.DataFrame, level: float = 0.9) -> pd.DataFrame:
    """The estimator's own predictions, all rows at once."""
    found = mf.load(fitted.numbers).predict_distribution(data.drop(columns=["price", "kind"]))
    low, high = found.interval(level).T
    columns = (found.mean, found.sd, found.epistemic, found.aleatoric, low, high)
    return pd.DataFrame(dict(zip(NUMBERS, columns, strict=True)))


def test_fit_says_what_it_found_and_did(fitted):
    assert "60 rows, 4 columns; the target 'price' is numbers from 9" in fitted.said
    assert "; --task classes says otherwise\n" in fitted.said
    assert "the target 'kind' is 2 classes (bad, good)\n" in fitted.said
    assert "ivon: 60 steps in" in fitted.said
    assert "All requested steps were run." in fitted.said


def test_fit_is_that_of_the_estimator(fitted):
    data = frame()
    own = mf.BayesianMLPRegressor((4,), steps=60, random_state=0)
    own.fit(data.drop(columns=["price", "kind"]), data["price"])
    loaded = mf.load(fitted.numbers)
    X = frame(20, seed=1).drop(columns=["price", "kind"])
    np.testing.assert_array_equal(loaded.predict(X), own.predict(X))
    assert loaded.feature_names_in_.tolist() == ["größe", "count", "stadt", "new"]
    assert loaded.target_name_ == own.target_name_ == "price"


@pytest.mark.parametrize(
    "suffix",
    [
        pytest.param(suffix, marks=() if suffix == ".parquet" else pytest.mark.slow)
        for suffix in SUFFIXES
    ],
)
def test_predictions_are_the_estimators_in_every_format(fitted, tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(predicting, "_block_rows", lambda inputs: 7)
    monkeypatch.setattr(tables, "_BYTES", 256)
    monkeypatch.setattr(tables, "_LINES", 5)
    data = frame(20, seed=1)
    table = write(tmp_path / f"new{suffix}", data[["kind", "new", "größe", "stadt", "count"]])
    out = tmp_path / f"out{SUFFIXES[SUFFIXES.index(suffix) - 1]}"
    assert main(["predict", fitted.numbers, str(table), "-o", str(out)]) == 0
    found = read(out)
    assert list(found.columns) == NUMBERS
    exact = suffix != ".jsonl"  # pandas writes 15 digits there
    pd.testing.assert_frame_equal(found, expected(fitted, data), check_exact=exact, rtol=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([table.name, out.name])


def test_level_of_the_interval(fitted, tmp_path, capsys):
    data = frame(20, seed=1)
    table, out = write(tmp_path / "new.parquet", data), tmp_path / "out.csv"
    said = document(capsys, "predict", fitted.numbers, table, "-o", out, "--level", "0.5")
    assert said == {"output": str(out), "rows": 20, "columns": NUMBERS, "level": 0.5}
    pd.testing.assert_frame_equal(read(out), expected(fitted, data, 0.5), check_exact=True)
    again = ("predict", fitted.numbers, table, "-o", out, "--force", "--level")
    assert "0 and 1, got 1.0" in failure(capsys, *again, "1")
    assert "in 32 bits can tell, got 0.99999999" in failure(capsys, *again, "0.99999999")


def test_classes_have_labels_probabilities_and_spreads(fitted, tmp_path):
    data = frame(20, seed=1)
    table, out = write(tmp_path / "new.csv", data), tmp_path / "out.parquet"
    assert main(["predict", fitted.classes, str(table), "--out", str(out)]) == 0
    found, own = read(out), mf.load(fitted.classes)
    X = data.drop(columns=["price", "kind"])
    assert found["label"].tolist() == own.predict(X).tolist()
    p = found[["probability_bad", "probability_good"]].to_numpy()
    np.testing.assert_array_equal(p, own.predict_proba(X))
    np.testing.assert_allclose(found["sd"], np.sqrt(p[:, 0] * p[:, 1]), rtol=1e-5)
    total = found["epistemic"] ** 2 + found["aleatoric"] ** 2
    np.testing.assert_allclose(total, found["sd"] ** 2, rtol=1e-4)


@pytest.mark.slow
def test_three_classes_of_whole_numbers_and_missing_values(tmp_path, capsys):
    data = frame(90)
    data["kind"] = np.tile([3, 7, 8], 30)
    data.loc[[4, 5], "größe"] = np.nan
    data.loc[7, "stadt"] = None
    table = write(tmp_path / "train.parquet", data)
    fit = ("fit", table, "--target", "kind", "-o", tmp_path / "m.mf", *FIT)
    assert "column 'größe', row 5 is missing. Fill it" in failure(capsys, *fit)
    said = document(capsys, *fit, "--missing", "indicator", "--weights", "count")
    assert (said["task"], said["classes"]) == ("classes", [3, 7, 8])
    assert said["rows"] == (data["count"] > 0).sum()
    assert said["features"] == ["größe", "stadt", "new", "price"]
    said = document(capsys, "predict", tmp_path / "m.mf", table, "-o", tmp_path / "out.csv")
    found = read(tmp_path / "out.csv")
    p = found[[f"probability_{kind}" for kind in (3, 7, 8)]].to_numpy()
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-12)
    own = p.max(axis=1)
    np.testing.assert_allclose(found["sd"], np.sqrt(own * (1.0 - own)), rtol=1e-4)
    assert set(found["label"]) <= {3, 7, 8}


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"] * 5, "classes"),
        ([True, False] * 5, "classes"),
        ([0, 1] * 5, "classes"),
        ([1.0, 2.0] * 5, "classes"),
        ([0.5, 1.0] * 5, "numbers"),
        (list(range(11)) * 10, "numbers"),
        ([1, 2, 3, 4], "numbers"),
        ([1e30, 1.5] * 5, "numbers"),
    ],
)
def test_task_is_told_by_the_target(values, task):
    column = pa.chunked_array([pa.array(values)])
    kind = "text" if isinstance(values[0], str) else "numbers"
    assert _task(column, kind) == task


@pytest.mark.parametrize(
    ("values", "kind"), [(["a"], "U"), ([True], "b"), ([1], "i"), ([1.0], "i"), ([1.5], "f")]
)
def test_labels_have_the_type_of_what_they_say(values, kind):
    assert labels(pa.chunked_array([pa.array(values)])).dtype.kind == kind
    assert Place(Path("a.csv"), "b", 11).at(2) == "a.csv: column 'b', row 13"


def test_interrupted_fits_are_kept(tmp_path, capsys, monkeypatch):
    plain = Driver._next_chunk

    def interrupted(driver: Driver, step: int, controller: Any) -> Any:
        if step >= 250:
            raise KeyboardInterrupt
        return plain(driver, step, controller)

    monkeypatch.setattr(Driver, "_next_chunk", interrupted)
    table = write(tmp_path / "train.csv", frame())
    out = tmp_path / "m.mf"
    fit = ["fit", str(table), "--target", "price", "-o", str(out), *FIT[:2], "--ignore", "kind"]
    fit += ["--method", "ivon"]
    assert main(fit) == 130
    caught = capsys.readouterr()
    assert "250 steps" in caught.out
    assert "Interrupted from the keyboard" in caught.out
    assert f"Saved: {out}" in caught.out
    assert caught.err == "moonfield: interrupted\n"
    assert mf.load(out).posterior_.result is mf.Result.interrupted
    assert "goes on from there" not in caught.out
    again = [*fit, "--force", "--checkpoint", str(tmp_path / "run")]
    assert main(again) == 130
    assert "The same command goes on from there, with --force" in capsys.readouterr().out
    monkeypatch.undo()
    assert main(again) == 0
    assert mf.load(out).posterior_.result is not mf.Result.interrupted


def test_a_fit_interrupted_before_its_first_step_leaves_nothing(tmp_path, capsys, monkeypatch):
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Driver, "_next_chunk", interrupted)
    table = write(tmp_path / "train.csv", frame())
    out = tmp_path / "m.mf"
    fit = ["fit", str(table), "--target", "price", "-o", str(out), "--hidden", "4"]
    assert main([*fit, "--method", "ivon"]) == 130
    assert capsys.readouterr().err == "moonfield: interrupted\n"
    assert not out.exists()


def test_a_fit_goes_on_from_its_checkpoint(tmp_path, capsys):
    table, run = write(tmp_path / "train.csv", frame()), tmp_path / "run"
    fit = ["fit", str(table), "--target", "price", *FIT, "--checkpoint", str(run)]
    assert main([*fit, "-o", str(tmp_path / "one.mf")]) == 0
    assert [path.name[-15:] for path in run.iterdir()] == ["000000000060.mf"]
    assert main([*fit, "-o", str(tmp_path / "two.mf")]) == 0
    one, two = (mf.load(tmp_path / name).posterior_ for name in ("one.mf", "two.mf"))
    assert two.elbo.tobytes() == one.elbo.tobytes()
    assert two.diagnostics.compile_seconds == 0.0  # it took no step
    assert main([*fit, "--seed", "1"]) == 2
    assert "holds checkpoints of another fit: its seed is" in capsys.readouterr().err


HEAD = "x,y\n"
TEN = "".join(f"{i},{i * i}\n" for i in range(10))


@pytest.mark.parametrize(
    ("name", "content", "options", "line"),
    [
        ("a.csv", "", "y", "a.csv is empty"),
        ("a.csv", "x,y\n", "y", "a.csv has no rows"),
        ("a.csv", HEAD + TEN, "z", "has no column 'z'. It has 'x', 'y'"),
        ("a.csv", HEAD + "1,2\n3\n", "y", "cannot be read as .csv: CSV parse error: Expected 2"),
        ("a.csv", "x,x,y\n1,2,3\n", "y", "has the column 'x' twice"),
        ("a.csv", ",y\n1,2\n2,3\n", "y", "a column without a name"),
        ("a.csv", "y\n1\n2\n", "y", "no column beside the target"),
        ("a.csv", HEAD + "1,\n2,\n", "y", "the target 'y' has no values"),
        ("a.csv", HEAD + "1,2\n2,\n", "y", "column 'y', row 2 is missing. Fill it, or drop"),
        ("a.csv", HEAD + "1,a\n2,\n", "y", "column 'y', row 2 is missing. Fill it, or drop"),
        ("a.csv", HEAD + "1,a\n2,a\n", "y", "every row has the target a"),
        ("a.csv", HEAD + TEN + ",3\n", "y", "column 'x', row 11 is missing. Fill it, drop"),
        ("a.csv", HEAD + TEN + "nan,3\n", "y", "column 'x', row 11 is missing"),
        ("a.csv", HEAD + TEN + "1e999,3\n", "y", "column 'x', row 11 is infinite"),
        ("a.csv", HEAD + TEN + "3,inf\n", "y", "column 'y', row 11 is infinite"),
        ("a.csv", HEAD + "2020-01-01,1\n2020-01-02,2\n", "y", "'x' holds dates or times"),
        ("a.csv", "x,z,y\n,1,1\n,2,2\n", "y", "column 'x' has no values"),
        ("a.csv", HEAD + TEN, "y --task classes --hidden 0", "--hidden must be like 50 or 50,50"),
        ("a.csv", HEAD + "1,1.5\n2,2.5\n", "y --task classes", "holds fractions"),
        ("a.csv", HEAD + "1,a\n2,b\n", "y --task numbers", "holds text; leave out --task"),
        ("a.csv", HEAD + TEN, "y --weights w", "has no column 'w'"),
        ("a.csv", HEAD + TEN, "y --weights y", "is the target"),
        ("a.csv", "x,y,w\n1,2,1\n3,4,-1\n", "y --weights w", "column 'w', row 2 is a negative"),
        ("a.csv", "x,y,w\n1,2,0\n3,4,0\n", "y --weights w", "the weights 'w' are all 0"),
        ("a.csv", HEAD + TEN, "y --ignore z", "has no column 'z'"),
        ("a.csv", HEAD + TEN, "y --method magic", "no method 'magic'"),
        ("a.csv", HEAD + TEN, "y --task words", "Invalid value for '--task'"),
        ("a.csv", HEAD + TEN, "y --out none/m.mf", "there is no folder none"),
        ("a.csv", b"x,y\n1,\xff\xfe\n2,b\n", "y", "'y' holds bytes that are no text in UTF-8"),
        ("a.csv", "x,ü\n1,2\n".encode("cp1252"), "x", "holds bytes that are no text in UTF-8"),
        ("a.csv", "x;y\n1,5;2\n2,5;3\n", "y", "has columns apart by semicolons. Write commas"),
        ("a.csv", "x\ty\n1\t2\n2\t3\n", "y", "has columns apart by tabs. Call it .tsv"),
        ("a.csv", HEAD + "".join(f'{i},"${i},500.5"\n' for i in range(10)), "y",
         "column 'y', row 1 is '$0,500.5' and not written as a plain number such as 1234.5."),
        ("a.csv", (HEAD + TEN).encode("utf-16"), "y", "is text in UTF-16. Convert it to UTF-8."),
        ("a.csv", HEAD + TEN + '3,""\n', "y", "column 'y', row 11 is missing"),
        ("a.jsonl", "".join(f'{{"x": {i}, "y": "{i}.5"}}\n' for i in range(12)), "y",
         "row 1 is '0.5' stored as text. Say --task numbers or --task classes."),
        ("a.xlsx", "x", "y", "'.xlsx' is none of .csv, .tsv"),
        ("a.parquet", HEAD + TEN, "y", "cannot be read as .parquet"),
        ("a.arrow", HEAD + TEN, "y", "cannot be read as .arrow"),
        ("a.jsonl", "\n", "y", "has no rows"),
        ("a.jsonl", '{"x": 1, "y": 2}\n{"x": 1,\n', "y", "a.jsonl, line 2:"),
        ("a.jsonl", '[{"x": 1, "y": 2}]\n', "y", "line 1 is not an object"),
        ("a.jsonl", '{"x": 1, "x": 2}\n', "y", "line 1: a name comes twice"),
        ("a.jsonl", '{"x": 1, "y": 2}\n{"x": "a", "y": 2}\n', "y",
         "a.jsonl, line 2: 'x' is text, but a number in lines before"),
        ("a.jsonl", '{"x": [1], "y": 2}\n', "y", "'x' holds values of type list"),
        ("a.jsonl", '{"x": 18446744073709551617, "y": 2}\n', "y",
         "a.jsonl, line 1: 'x' is a whole number beyond 64 bits. Write it like 1e20"),
        ("a.jsonl", '{"x": 1.5, "y": 2}\n{"x": -9223372036854775809, "y": 2}\n', "y",
         "a.jsonl, line 2: 'x' is a whole number beyond 64 bits"),
        ("a.jsonl", '{"x": "\\ud800x", "y": 2}\n', "y", "a.jsonl, line 1:"),
        ("a.jsonl", '{"\\uDBFFx": "x", "y": 2}\n', "y", "a.jsonl, line 1:"),
        ("a.jsonl", '{"x": ' + "[" * 10_000 + '\n', "y", "a.jsonl, line 1: it is nested too deep"),
        ("a.jsonl", '{"x": [18446744073709551617], "y": 2}\n', "y", "cannot be read as .jsonl"),
        ("a.csv", HEAD + TEN + "3,?\n", "y", "column 'y', row 11 is '?' among numbers. Fill it"),
        ("a.csv", HEAD + TEN + "3,?\n", "y --task numbers", "column 'y', row 11 is '?' among"),
    ],
)  # fmt: skip
def test_fit_refuses_in_one_line(name, content, options, line, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert line in failure(capsys, "fit", name, "--target", *options.split())
    assert os.listdir() == [name]


def test_a_word_among_numbers_is_pointed_out(tmp_path, capsys):
    table = tmp_path / "a.csv"
    table.write_text(HEAD + "".join(f"{'?' if i == 12 else i},{i * i}\n" for i in range(40)))
    assert main(["fit", str(table), "--target", "y", *FIT, "-o", str(tmp_path / "m.mf")]) == 0
    said = capsys.readouterr().err
    assert "warning" in said
    assert "column 'x', row 13 is '?' among numbers: the whole column is taken for text" in said


@pytest.mark.parametrize("form", ["{:,}", "{}%", "€ {}", "{:,}.5"])
def test_numbers_that_are_not_written_plainly_are_pointed_out(form, tmp_path, capsys):
    table = tmp_path / "a.csv"
    written = [form.format(1_000 * i).replace(",", "'") for i in range(40)]
    table.write_text(HEAD + "".join(f"{text},{i * i}\n" for i, text in enumerate(written)))
    assert main(["fit", str(table), "--target", "y", *FIT, "-o", str(tmp_path / "m.mf")]) == 0
    said = " ".join(capsys.readouterr().err.split())
    first = next(row for row, text in enumerate(written, 1) if text not in ("0", "0.5"))
    assert f"column 'x', row {first} is {written[first - 1]!r} and not written as a plain" in said


def test_numbers_stored_as_text_are_pointed_out(tmp_path, capsys):
    """Unless they are codes; as a target they are taken for what the user says."""
    table, out = tmp_path / "a.parquet", tmp_path / "m.mf"
    text = [f"{i}.5" for i in range(40)]
    codes = [f"{i:03}" for i in range(40)]
    pd.DataFrame({"x": text, "code": codes, "y": text}).to_parquet(table)
    fit = ["fit", str(table), "--target", "y", *FIT, "-o", str(out)]
    assert main([*fit, "--task", "numbers"]) == 0
    said = capsys.readouterr()
    assert "numbers from 0.5 to 39.5" in " ".join((said.out + said.err).split())
    assert "column 'x', row 1 is '0.5' stored as text: the whole column is taken" in said.err
    assert "'code'" not in said.err


def test_categories_of_numbers_are_classes(tmp_path, capsys):
    table, out = tmp_path / "a.parquet", tmp_path / "m.mf"
    pd.DataFrame({"x": range(40), "y": pd.Categorical([i % 4 for i in range(40)])}).to_parquet(
        table
    )
    assert main(["fit", str(table), "--target", "y", *FIT, "-o", str(out)]) == 0
    assert "4 classes (0, 1, 2, 3)" in " ".join(capsys.readouterr().out.split())


def test_quoted_blanks_are_missing(tmp_path, capsys):
    """As writers that quote everything leave them, in fits and in predictions."""
    table, out = tmp_path / "a.csv", tmp_path / "m.mf"
    rows = "".join(f'"{"" if i == 7 else i}","{i % 3}k","{i}.5"\n' for i in range(40))
    table.write_text('"x","name","y"\n' + rows)
    fit = ["fit", str(table), "--target", "y", *FIT, "-o", str(out)]
    assert "column 'x', row 8 is missing" in failure(capsys, *fit)
    assert main([*fit, "--missing", "indicator"]) == 0
    assert mf.load(out).encoder_.indicated == (0,)
    capsys.readouterr()
    assert main(["predict", str(out), str(table), "-o", str(tmp_path / "p.csv")]) == 0
    expected = mf.load(out).predict(pd.read_csv(table)[["x", "name"]])
    np.testing.assert_allclose(read(tmp_path / "p.csv")["mean"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    "values",
    [["1", "2"], ["1.5", "-2e3"], [" 3", "4 "], ["true", "False"], ["2020-01-01", "2021-02-03"],
     ["10:20", "11:30"], ["2020-01-01 10:00:00"], ["2020-01-01T10:00:00Z"], ["1,5", "2"],
     ['say "x"', "y"], ["two\nlines"], ["007", "x"], ["NA", "1"], [" ", "1"], []],
    ids=str,
)  # fmt: skip
def test_quoted_blanks_leave_columns_their_types(tmp_path, values):
    """Those that the file has with nothing at all instead of an empty text."""
    paths = {blank: tmp_path / f"{len(blank)}.csv" for blank in ("", '""')}
    for blank, path in paths.items():
        cells = [blank, *['"' + value.replace('"', '""') + '"' for value in values]]
        path.write_text("x,row\n" + "".join(f"{cell},{i}\n" for i, cell in enumerate(cells)))
    plain, quoted = (tables.read_table(path).column("x") for path in paths.values())
    assert quoted.type == plain.type
    assert quoted.to_pylist() == plain.to_pylist()


def test_a_blank_line_of_one_column_is_a_row_without_its_value(tmp_path, capsys):
    table, out = tmp_path / "a.csv", tmp_path / "m.mf"
    table.write_text(HEAD + TEN)
    assert main(["fit", str(table), "--target", "y", *FIT, "-o", str(out)]) == 0
    table.write_text("x\n1\n\n3\n")
    capsys.readouterr()
    said = failure(capsys, "predict", out, table, "-o", tmp_path / "p.csv")
    assert "column 'x', row 2 is missing" in said


@pytest.mark.parametrize("form", ["{}-{}", "{}:{:02}", "v{}.{}", "10.{}.{}.7", "0{}/{}"])
def test_codes_are_not_taken_for_numbers(form):
    column = pa.chunked_array([[form.format(i, i + 1) for i in range(30)]])
    assert exception_to_numbers(Place(Path("a.csv"), "x"), column) is None


def test_the_index_of_pandas_is_no_feature(tmp_path):
    data = frame()
    data.iloc[::-1].to_parquet(tmp_path / "a.parquet")
    model = tmp_path / "m.mf"
    fit = ["fit", str(tmp_path / "a.parquet"), "--target", "price", *FIT, "-o", str(model)]
    assert main(fit) == 0
    assert mf.load(model).feature_names_in_.tolist() == [c for c in data if c != "price"]


def test_lines_may_leave_names_out(fitted, tmp_path, capsys, monkeypatch):
    """A name that the first lines lack is looked for in all; types may differ from part to part."""
    monkeypatch.setattr("moonfield.cli.tables._LINES", 10)
    lines = [dict(row) for row in frame().drop(columns=["price", "kind"]).to_dict("records")]
    for line in lines[:20]:
        del line["count"]
    table, out = tmp_path / "a.jsonl", tmp_path / "out.csv"
    table.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["predict", fitted.numbers, str(table), "-o", str(out)]) == 2
    assert "column 'count', row 1 is missing" in capsys.readouterr().err
    lines = [{**line, "count": 3} for line in lines]
    lines[-1]["count"] = "many"
    table.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["predict", fitted.numbers, str(table), "-o", str(out)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not out.exists()


def test_there_must_be_a_file(tmp_path, capsys):
    assert "there is no such file" in failure(capsys, "fit", tmp_path / "a.csv", "--target", "y")
    assert "is not a file" in failure(capsys, "fit", tmp_path, "--target", "y")
    assert "Missing option '--target'" in failure(capsys, "fit", tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda data: data.drop(columns="größe"), "has no column 'größe'. It has 'count'"),
        (lambda data: data.assign(größe="tall"), "column 'größe', row 1 is 'tall', not a number"),
        (lambda data: data.assign(stadt=1.5), "column 'stadt' holds numbers; the model learned"),
        (lambda data: data.assign(count=pd.Timestamp(0)), "'count' holds dates or times, not num"),
        (lambda data: data.assign(count=[*range(19), None]), "column 'count', row 20 is missing"),
        (lambda data: data.assign(stadt=["Kiel"] * 19 + [None]), "'stadt', row 20 is missing"),
        (lambda data: data.assign(größe=[0.0] * 19 + [np.inf]), "'größe', row 20 is infinite"),
        (lambda data: data[:0], "has no rows"),
    ],
)
def test_predict_refuses_in_one_line(fitted, tmp_path, capsys, monkeypatch, change, line):
    monkeypatch.setattr(predicting, "_block_rows", lambda inputs: 8)
    table = write(tmp_path / "new.parquet", change(frame(20, seed=1)))
    out = tmp_path / "out.csv"
    out.write_text("old")
    said = failure(capsys, "predict", fitted.numbers, table, "-o", out, "--force")
    assert line in said
    assert out.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.slow
def test_csv_is_judged_row_by_row_not_by_its_first_block(fitted, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tables, "_BYTES", 64)
    head = "größe,count,stadt,new\n"
    table, out = tmp_path / "new.csv", tmp_path / "out.csv"
    table.write_text(head + "1,2,Kiel,true\n" * 30 + " 1.5 ,2e0,17,FALSE\n", "utf-8")
    assert main(["predict", fitted.numbers, str(table), "-o", str(out)]) == 0
    data = pd.DataFrame(
        {"größe": [1.0] * 30 + [1.5], "count": 2, "stadt": ["Kiel"] * 30 + ["17"],
         "new": [True] * 30 + [False], "price": 0.0, "kind": ""}
    )  # fmt: skip
    pd.testing.assert_frame_equal(read(out), expected(fitted, data), check_exact=True)
    capsys.readouterr()
    table.write_text(head + "1,2,Kiel,true\n" * 30 + "1,1_0,Kiel,true\n", "utf-8")
    said = failure(capsys, "predict", fitted.numbers, table, "-o", out, "--force")
    assert "column 'count', row 31 is '1_0', not a number" in said


def test_huge_numbers_are_predicted_for(fitted, tmp_path):
    table, out = tmp_path / "new.csv", tmp_path / "out.csv"
    table.write_text("größe,count,stadt,new\n1e308,-99999999999999999999999,x,true\n", "utf-8")
    assert main(["predict", fitted.numbers, str(table), "-o", str(out)]) == 0
    assert np.isfinite(read(out).to_numpy()).all()


def test_nothing_is_overwritten_without_force(fitted, tmp_path, capsys):
    table, out = write(tmp_path / "new.csv", frame(20, seed=1)), tmp_path / "out.csv"
    out.write_text("old")
    assert "is there already" in failure(capsys, "predict", fitted.numbers, table, "-o", out)
    for command in (
        ("fit", table, "--target", "price", "-o", out),
        ("report", fitted.numbers, table, "-o", out),
    ):
        assert "is there already: choose another path, or --force" in failure(capsys, *command)
    assert out.read_text() == "old"
    assert main(["predict", fitted.numbers, str(table), "-o", str(out), "--force"]) == 0
    assert len(read(out)) == 20
    capsys.readouterr()
    for target in (table, fitted.numbers):
        command = ("predict", fitted.numbers, table, "-o", target, "--force")
        line = "is read by this command" if target == table else "suffix"
        assert line in failure(capsys, *command)
    assert "is a folder" in failure(capsys, "fit", table, "--target", "price", "-o", tmp_path)


def test_what_killed_runs_left_is_removed_but_nothing_else(fitted, tmp_path):
    table, out = write(tmp_path / "new.csv", frame(20, seed=1)), tmp_path / "out.csv"
    left, other = tmp_path / ".out.csv.0123456789ab.part", tmp_path / ".out.csv.swp"
    left.write_text("half")
    other.write_text("an editor's")
    assert main(["predict", fitted.numbers, str(table), "-o", str(out)]) == 0
    assert not left.exists()
    assert other.read_text() == "an editor's"


def test_what_another_run_writes_is_left_alone(tmp_path):
    from moonfield._core.files import replacing

    out = tmp_path / "out.csv"
    with replacing(out) as first:
        first.write(b"one")
        with replacing(out) as second:
            second.write(b"two")
        assert out.read_bytes() == b"two"
    assert out.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["out.csv"]


@pytest.mark.parametrize(
    ("content", "line"), [(None, "no such file"), (b"x" * 100, "cut off or not a Moonfield file")]
)
def test_a_model_must_be_one(tmp_path, capsys, content, line):
    table, model = write(tmp_path / "new.csv", frame(20)), tmp_path / "m.mf"
    if content is not None:
        model.write_bytes(content)
    for command in (
        ("predict", model, table, "-o", tmp_path / "out.csv"),
        ("report", model, table, "-o", tmp_path / "out.html"),
        ("info", model),
    ):
        assert line in failure(capsys, *command)


def test_models_from_python(fitted, posterior, tmp_path, capsys):
    data = frame(20)
    table, out = write(tmp_path / "new.csv", data), tmp_path / "out.csv"
    posterior.save(tmp_path / "p.mf")
    said = failure(capsys, "predict", tmp_path / "p.mf", table, "-o", out)
    assert "holds a posterior" in said
    nameless = mf.load(fitted.numbers)
    del nameless.feature_names_in_
    nameless.save(tmp_path / "n.mf")
    assert "no names" in failure(capsys, "predict", tmp_path / "n.mf", table, "-o", out)
    facts = document(capsys, "info", tmp_path / "p.mf")
    assert (facts["kind"], facts["parameters"]) == ("Posterior", 40)
    assert facts["network"] == "MLP 2-5-5-1, tanh, no biases"
    assert facts["elbo"] == posterior.diagnostics.elbo


def test_info_says_what_is_in_a_model(fitted, capsys):
    facts = document(capsys, "info", fitted.numbers)
    own = mf.load(fitted.numbers).posterior_
    assert facts.items() >= {
        "kind": "BayesianMLPRegressor", "task": "numbers", "target": "price", "classes": None,
        "features": ["größe", "count", "stadt", "new"], "missing": "error", "draws": 200,
        "parameters": 6 * 4 + 4 + 4 + 1 + 1, "network": "MLP 6-4-1, silu",
        "likelihood": "Normal, sd learned", "method": "ivon", "rows": 60, "steps": 60, "seed": 0,
        "elbo": own.diagnostics.elbo, "result": "steps_exhausted",
    }.items()  # fmt: skip
    assert facts["versions"]["moonfield"] == mf.__version__
    assert document(capsys, "info", fitted.classes)["classes"] == ["bad", "good"]
    assert main(["info", fitted.classes]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^classes +2: bad, good$", said, re.MULTILINE)
    assert re.search(r"^likelihood +Bernoulli$", said, re.MULTILINE)


def test_methods_are_those_of_the_one_table(capsys):
    found = document(capsys, "methods")
    assert [entry["method"] for entry in found] == list(METHODS)
    assert all(entry["when"] == METHODS[entry["method"]].when for entry in found)
    assert main(["methods"]) == 0
    said = capsys.readouterr().out
    assert all(f"│ {name} " in said for name in ("auto", *METHODS))


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What `moonfield.report` was called with."""
    calls: list[tuple] = []

    def report(fitted: Any, X: Any, y: Any, path: Path) -> None:
        calls.append((fitted, X, y))
        path.write_text("<p>page</p>")

    monkeypatch.setattr(mf, "report", report, raising=False)
    return calls


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_report_judges_by_the_rows_of_a_table(fitted, tmp_path, capsys, reported, suffix):
    data = frame(20, seed=1)
    table, out = write(tmp_path / f"test{suffix}", data), tmp_path / "report.html"
    said = document(capsys, "report", fitted.numbers, table, "-o", out)
    assert said == {"report": str(out), "rows": 20, "target": "price"}
    found, X, y = reported[0]
    names = found.feature_names_in_.tolist()
    assert X.column_names == names
    own = found.predict(data[names])
    np.testing.assert_allclose(found.predict(X), own, rtol=1e-6)
    np.testing.assert_allclose(y, data["price"], rtol=1e-9)


def test_report_gives_labels_as_in_the_fit(fitted, tmp_path, capsys, reported):
    data = frame(20, seed=1).rename(columns={"kind": "truth"})
    table, out = write(tmp_path / "test.csv", data), tmp_path / "report.html"
    command = ("report", fitted.classes, table, "-o", out)
    assert "has no column 'kind'" in failure(capsys, *command)
    assert main([*map(str, command), "--target", "truth"]) == 0
    assert reported[0][2].tolist() == data["truth"].tolist()
    capsys.readouterr()
    data.loc[3, "truth"] = None
    write(tmp_path / "test.csv", data)
    said = failure(capsys, *command, "--force", "--target", "truth")
    assert "column 'truth', row 4 is missing" in said
    yes = tmp_path / "yes.mf"
    learned = tmp_path / "learned.csv"
    write(learned, frame().drop(columns=["price", "kind"]))
    assert main(["fit", str(learned), "--target", "new", *FIT, "-o", str(yes)]) == 0
    capsys.readouterr()
    write(table, frame(20, seed=1).assign(new=[0, 1] * 9 + [1, 2]))
    said = failure(capsys, "report", yes, table, "-o", out, "--force")
    assert "column 'new', row 20 is 2, neither yes (1) nor no (0)" in said
    write(table, data)
    said = failure(capsys, *command, "--force", "--target", "count")
    assert "predicts from 'count': it is a feature" in said


@pytest.mark.parametrize("written", [str, int, Decimal], ids=["text", "whole", "decimal"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_classes_are_whole_numbers_of_any_size(tmp_path, capsys, reported, suffix, written):
    x = np.arange(40) % 2
    codes = 2**60 + x
    table = tmp_path / f"codes{suffix}"
    values = [*map(written, codes.tolist())]
    data = pd.DataFrame({"x": x, "code": pd.Series(values, dtype=object)})
    if suffix == ".csv":
        data.to_csv(table, index=False)
    else:
        pa.parquet.write_table(pa.table({"x": x, "code": pa.array(values)}), table)
    out = tmp_path / "codes.mf"
    fit = ["fit", str(table), "--target", "code", *FIT, "--task", "classes", "-o", str(out)]
    assert main(fit) == 0
    assert len(mf.load(out).classes_) == 2
    assert main(["report", str(out), str(table), "-o", str(tmp_path / "r.html")]) == 0
    assert [*map(int, reported[0][2])] == codes.tolist()


@pytest.mark.parametrize(
    "values", [[1.0, 2.0, 3.0], [True, False, True], [0.5, 1.5, 2.5]], ids=["whole", "yes", "half"]
)
@pytest.mark.parametrize("by", ["estimator", "command"])
def test_categories_of_numbers_are_known_in_csv(tmp_path, values, by):
    """Which says 1.0 or True of what a model knows as 1."""
    data = pd.DataFrame({"k": values * 20, "y": [0.5, 5.25, 10.5] * 20})
    data["k"] = data["k"].astype("category")
    out, table, answer = tmp_path / "m.mf", tmp_path / "a.csv", tmp_path / "p.csv"
    if by == "estimator":
        options = {"hidden": (4,), "method": "ivon", "steps": 60, "random_state": 0}
        mf.BayesianMLPRegressor(**options).fit(data[["k"]], data["y"]).save(out)
    else:
        data.to_feather(tmp_path / "a.feather")
        (tmp_path / "a.feather").rename(tmp_path / "a.arrow")
        assert main(["fit", str(tmp_path / "a.arrow"), "--target", "y", *FIT, "-o", str(out)]) == 0
    data.to_csv(table, index=False)
    assert main(["predict", str(out), str(table), "-o", str(answer)]) == 0
    estimator = mf.load(out)
    assert set(estimator.encoder_.levels[0]) == {level_text(value) for value in values}
    np.testing.assert_allclose(read(answer)["mean"], estimator.predict(data[["k"]]), rtol=1e-5)
    assert len(set(read(answer)["mean"])) == len(set(values))


def test_codes_in_csv_stay_text(tmp_path, capsys):
    """A number that begins with a zero is none."""
    table, out, answer = (tmp_path / name for name in ("a.csv", "m.mf", "p.csv"))
    rows = [f"0{i % 3}{i % 2},{i % 7},0{i % 3},{'' if i == 3 else i}\n" for i in range(60)]
    table.write_text("code,count,kind,x\n" + "".join(rows).replace(",02,", ',"02",'))
    found = tables.read_table(table)
    assert [str(kind) for kind in found.schema.types] == ["string", "int64", "string", "int64"]
    assert found.column("code").to_pylist()[:3] == ["000", "011", "020"]
    fit = ["fit", str(table), "--target", "kind", *FIT, "--missing", "indicator", "-o", str(out)]
    assert main(fit) == 0
    assert mf.load(out).classes_.tolist() == ["00", "01", "02"]
    assert main(["predict", str(out), str(table), "-o", str(answer)]) == 0
    labels_said = pd.read_csv(answer, dtype=str).iloc[:, 0]
    assert set(labels_said) <= {"00", "01", "02"}
    capsys.readouterr()
    plain = pd.DataFrame({"code": [0, 11], "count": [1, 2], "x": [1, 2]})
    said = failure(capsys, "predict", out, write(tmp_path / "b.parquet", plain), "-o", answer,
                   "--force")  # fmt: skip
    assert "column 'code' holds numbers; the model learned text there" in said


def test_a_network_that_does_not_fit_is_said(tmp_path, capsys):
    table = write(tmp_path / "a.csv", frame())
    fit = ["fit", str(table), "--target", "price", "--hidden", "999999999999"]
    assert main(fit) == 2
    assert "needs more memory than there is" in capsys.readouterr().err


def test_compressed_tables_are_named(tmp_path, capsys):
    table = tmp_path / "a.csv"
    table.write_bytes(gzip.compress(b"x,y\n1,2\n"))
    assert "a.csv is compressed. Unpack it: gunzip." in failure(
        capsys, "fit", table, "--target", "y"
    )


def test_hexadecimal_is_text(tmp_path):
    table = tmp_path / "a.csv"
    table.write_text("x,y\n" + "".join(f"0x{i:x},{i}\n" for i in range(20)))
    assert [str(kind) for kind in tables.read_table(table).schema.types] == ["string", "int64"]


def test_a_column_that_is_left_out_may_hold_anything(tmp_path):
    table, out = tmp_path / "a.jsonl", tmp_path / "m.mf"
    odd = ['"t"', "1", "[2]", str(2**70), "null"]
    table.write_text("".join(f'{{"x": {i}, "y": {i}.5, "z": {odd[i % 5]}}}\n' for i in range(20)))
    assert main(["fit", str(table), "--target", "y", *FIT, "--ignore", "z", "-o", str(out)]) == 0
    assert mf.load(out).feature_names_in_.tolist() == ["x"]


@pytest.mark.parametrize("targets", [("1", "1" + "0" * 20), ("1" + "0" * 19, "2" + "0" * 19)])
def test_numbers_beyond_64_bits_are_no_classes(tmp_path, capsys, targets):
    table, out = tmp_path / "a.csv", tmp_path / "m.mf"
    table.write_text("x,y\n" + "".join(f"{i},{targets[i % 2]}\n" for i in range(20)))
    fit = ["fit", str(table), "--target", "y", *FIT, "-o", str(out)]
    assert "numbers beyond 64 bits, which are no" in failure(capsys, *fit, "--task", "classes")
    assert main(fit) == 0
    assert isinstance(mf.load(out), mf.BayesianMLPRegressor)


def test_classes_of_unsigned_numbers_are_known_in_csv(tmp_path, reported):
    data = pd.DataFrame({"x": range(20), "y": np.array([1, 2**64 - 1] * 10, np.uint64)})
    out = tmp_path / "m.mf"
    table = write(tmp_path / "a.parquet", data)
    fit = ["fit", str(table), "--target", "y", *FIT, "--task", "classes", "-o", str(out)]
    assert main(fit) == 0
    table = write(tmp_path / "a.csv", data)
    assert main(["report", str(out), str(table), "-o", str(tmp_path / "r.html")]) == 0
    assert reported[0][2].tolist() == data["y"].tolist()


def test_each_command_has_help(capsys):
    for command in ("fit", "predict", "report", "info", "methods"):
        assert main([command, "--help"]) == 0
        assert f"Usage: moonfield {command}" in capsys.readouterr().out
