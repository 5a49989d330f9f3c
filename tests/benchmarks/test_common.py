"""What all benchmarks share: the store of finished runs, the timer, the table; and the ways to start them."""

import itertools
import json
import re

import pytest
from filelock import FileLock

from benchmarks.common import timer
from benchmarks.common.store import StoredRun, read_json, write_json
from benchmarks.common.table import Table, mean_and_deviation
from benchmarks.speed.machine import describe_machine, note

from ..conftest import ROOT, run_cli


def test_a_run_is_measured_once_and_again_if_it_is_another(tmp_path):
    model = tmp_path / "model"
    model.touch()
    counted = []

    def complete(identity, wait=True):
        stored = StoredRun(tmp_path / "runs" / "a.json", {"of": identity}, [model])
        return stored.complete(lambda: counted.append(identity) or {"score": len(counted)}, tmp_path / "lock", wait)

    assert complete("x") == complete("x") == {"of": "x", "score": 1}
    assert complete("y") == {"of": "y", "score": 2}
    model.unlink()
    assert StoredRun(tmp_path / "runs" / "a.json", {"of": "y"}, [model]).read() is None
    model.touch()
    with FileLock(tmp_path / "lock"):
        assert complete("y") == {"of": "y", "score": 2} and complete("z", wait=False) is None
    assert counted == ["x", "y"] and [path.name for path in (tmp_path / "runs").iterdir()] == ["a.json"]


def test_a_run_that_fails_leaves_nothing(tmp_path):
    def fail():
        raise InterruptedError

    with pytest.raises(InterruptedError):
        StoredRun(tmp_path / "a.json", {}).complete(fail, tmp_path / "lock")
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert read_json(tmp_path / "a.json") is None


def test_kept_results_are_readable():
    records = sorted((ROOT / "benchmarks" / "results" / "accuracy").rglob("*.json"))
    assert records
    for path in records:
        metrics = json.loads(path.read_text(encoding="utf8"))
        assert StoredRun(path, {"gold": metrics["gold"]}).read() == metrics
        assert StoredRun(path, {"gold": "of other sentences"}).read() is None


def test_rounds_go_on_for_the_seconds_that_are_asked_for(monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(timer, "WALL", lambda: next(clock))
    order = []
    tasks = {name: timer.Task(1, lambda: None, lambda _, name=name: order.append(name)) for name in "ab"}
    times = timer.measure(tasks, 2, clock=lambda: 0.0, seconds=5)
    assert [len(seconds) for seconds in times.seconds.values()] == [
        6,
        6,
    ]  # the clock is read before the third round and each after it
    assert "".join(order) == "ab" + "abba" * 3
    order.clear()
    assert [len(seconds) for seconds in timer.measure(tasks, 2, clock=lambda: 0.0).seconds.values()] == [2, 2]


def test_a_table_without_a_title_and_with_text_at_its_end():
    table = Table("t", "", ["what", "n", "note"], n_last_texts=1)
    table.add("a", "1", "x")
    assert table.markdown() == "| what | n | note |\n| --- | ---: | --- |\n| a | 1 | x |"
    assert mean_and_deviation([1000, 3000], 1) == "2,000.0 ± 1,414.2" and mean_and_deviation([0.5], 2) == "0.50"


def test_the_machine_is_named_below_a_table():
    assert re.fullmatch(r"Processor: .+\. NumPy's kernel: \w.*\.", note(describe_machine()))


@pytest.mark.parametrize("script", ["crf_step.py"])
def test_scripts_run_from_anywhere(script, tmp_path):
    """All take what they share from the same place in the same way."""
    done = run_cli(ROOT / "benchmarks" / script, "--help")
    assert done.returncode == 0 and "usage: " + script in done.stdout, done.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.name)
def test_scripts_put_the_project_on_the_path_before_they_import_from_it(path):
    before, found, _ = path.read_text(encoding="utf8").partition("from benchmarks.common")
    assert not found or "sys.path.append(str(Path(__file__).parent.parent))" in before
