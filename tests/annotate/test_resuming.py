"""Each document exactly once, whatever happens: runs that are killed, stopped, changed, or out of disk."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from spacy_rnn_tagger.annotate import shards, worker
from spacy_rnn_tagger.pipeline.fresh_copy import fresh_copy
from spacy_rnn_tagger.training import local_pool
from spacy_rnn_tagger.training.local_pool import LocalPool, WorkerDied

from ..conftest import ROOT, run_cli
from ..fixtures.annotation_runs import TEXTS, digests, here, model, rejected_of, rows_of, run  # noqa: F401
from ..fixtures.commands import run as run_command
from ..fixtures.commands import words_of

SHARDS = 6
RUN = [sys.executable, "-m", "spacy", "rnn", "annotate"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Files that make six shards of 100 tokens, with two damaged lines."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = random.Random(0)
    lines = [{"text": rng.choice(TEXTS) + f" {rng.random()}"} for _ in range(100)]
    content = [json.dumps(line) for line in lines]
    content[10], content[90] = "damaged", "damaged too"
    (folder / "a.jsonl").write_text("\n".join(content[:50]))
    (folder / "b.jsonl").write_text("\n".join(content[50:]))
    return folder


@pytest.fixture(scope="module")
def complete(model, corpus, tmp_path_factory):  # noqa: F811
    """What an undisturbed run of one process writes."""
    out = tmp_path_factory.mktemp("complete") / "out"
    done = run(model, corpus, out, format="parquet", shard_tokens=100)
    assert (done.n_rows, done.n_rejected) == (98, 2) and done.n_shards >= SHARDS and done.n_resumed == 0
    assert set(digests(out)) == {
        "manifest.json",
        "rejected.jsonl",
        *(f"shard-{i:06}.parquet" for i in range(done.n_shards)),
    }
    return digests(out)


def command(model, corpus, out, *more):  # noqa: F811
    return [*RUN, model, corpus, out, "--shard-tokens", "100", "-n", "2", *more]


def start(*args):
    return subprocess.Popen(
        list(map(str, command(*args))),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
        text=True,
        start_new_session=True,
    )


def children_of(process):
    """The processes that another one has started, as Linux says."""
    path = f"/proc/{process}/task/{process}/children"
    try:
        found = [int(each) for each in open(path).read().split()]
    except OSError:
        return []
    return [each for each in found if b"spawn_main" in open(f"/proc/{each}/cmdline", "rb").read()]


@pytest.mark.parametrize("n", [3])
def test_the_number_of_processes_changes_no_byte(model, corpus, complete, tmp_path, n):  # noqa: F811
    run(model, corpus, tmp_path / "out", processes=n, format="parquet", shard_tokens=100)
    assert digests(tmp_path / "out") == complete


def test_a_fresh_copy_changes_no_byte(here, model, corpus, complete, tmp_path, monkeypatch):  # noqa: F811
    made = []
    monkeypatch.setattr(worker, "MOST_NEW_WORDS", 10)
    monkeypatch.setattr(worker, "fresh_copy", lambda nlp: made.append(fresh_copy(nlp)) or made[-1])
    run(model, corpus, tmp_path / "out", format="parquet", shard_tokens=100)
    assert len(made) > 1 and digests(tmp_path / "out") == complete


def test_what_is_there_is_not_done_again(here, model, corpus, complete, tmp_path):  # noqa: F811
    """A run that breaks off after some shards, twice, and one that finds a shard damaged."""
    out = tmp_path / "out"
    settings = {"format": "parquet", "shard_tokens": 100}

    def stop_after(n):
        def progress(state):
            if state.stage == "annotating" and state.n_shards == n:
                raise KeyboardInterrupt

        return progress

    for n in (2, 4):
        with pytest.raises(KeyboardInterrupt):
            run(model, corpus, out, progress=stop_after(n), **settings)
        assert len(list(out.glob("shard-*"))) == n and not json.loads((out / "manifest.json").read_text())["complete"]
    (out / "shard-000001.parquet").write_bytes(b"damaged")
    done = run(model, corpus, out, **settings)
    assert done.n_resumed == 3 and digests(out) == complete
    done = run(model, corpus, out, **settings)
    assert done.n_resumed == done.n_shards and done.new_tokens == 0 and digests(out) == complete


def kill_and_resume(model, corpus, complete, out, moment, of_workers):  # noqa: F811
    """SIGKILL some time after the first process could do something; then the same command again, until it ends."""
    process = start(model, corpus, out)
    deadline = time.monotonic() + 120
    while process.poll() is None and not (out / ".parts").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(moment)
    workers = children_of(process.pid)
    if of_workers:
        for worker in workers[:1]:
            os.kill(worker, signal.SIGKILL)
        printed = process.communicate(timeout=300)[0]
        assert process.returncode == 0, printed
    else:
        process.kill()
        process.communicate()
        until = time.monotonic() + 60  # the workers end by themselves
        while any(os.path.exists(f"/proc/{each}") for each in workers) and time.monotonic() < until:
            time.sleep(0.01)
        again = run_cli(*map(str, command(model, corpus, out)[1:]))
        assert again.returncode == 0, again.stdout + again.stderr
    assert digests(out) == complete


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="needs /proc, to find the workers")
@pytest.mark.parametrize("of_workers", [False, True], ids=["parent", "worker"])
def test_a_kill_changes_no_byte(model, corpus, complete, tmp_path, of_workers):  # noqa: F811
    kill_and_resume(model, corpus, complete, tmp_path / "out", 0.1, of_workers)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="needs /proc, to find the workers")
@pytest.mark.parametrize("of_workers", [False, True], ids=["parent", "worker"])
@pytest.mark.parametrize("number", range(20))
def test_twenty_kills_change_no_byte(model, corpus, complete, tmp_path, number, of_workers):  # noqa: F811
    moment = random.Random(number).uniform(0, 0.6)
    kill_and_resume(model, corpus, complete, tmp_path / "out", moment, of_workers)


def test_ctrl_c_ends_a_run_with_a_sentence(model, corpus, complete, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    process = start(model, corpus, out)
    while process.poll() is None and not list(out.glob("shard-*")):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    printed = process.communicate(timeout=120)[0]
    # It may have been done already.
    assert process.returncode in (130, 0), printed
    if process.returncode:
        assert "Stopped." in printed and "the same command goes on" in printed and "Traceback" not in printed
        assert run_cli(*map(str, command(model, corpus, out)[1:])).returncode == 0
    assert digests(out) == complete


def test_a_full_disk_ends_a_run_with_a_sentence(here, model, corpus, complete, tmp_path, monkeypatch):  # noqa: F811
    """At the fourth file that is moved to its place."""
    out = tmp_path / "out"
    replace, n_moved = os.replace, [0]

    def full(source, target):
        n_moved[0] += 1
        if n_moved[0] == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        replace(source, target)

    monkeypatch.setattr(shards.os, "replace", full)
    arguments = ["annotate", model, corpus, out, "--shard-tokens", 100]
    code, printed = run_command(*arguments)
    assert code == 1 and "failed: No space left on device" in words_of(printed) and "Traceback" not in printed
    assert "the same command goes on" in words_of(printed) and not list(out.rglob("*.tmp"))
    code, printed = run_command(*arguments)
    assert code == 0, printed
    assert digests(out) == complete


CHANGES = {
    "option": (lambda place: {"scores": True}, "because the option scores was False and is True now"),
    "format": (lambda place: {"format": "jsonl"}, "because the option format was 'parquet' and is 'jsonl' now"),
    "input": (
        lambda place: (place / "texts" / "a.txt").write_text("Anna sings\n") and {},
        "/texts/a.txt' has changed",
    ),
    "more": (lambda place: (place / "texts" / "b.txt").write_text("Anna\n") and {}, "/texts/b.txt' was not there"),
    "model": (
        lambda place: (place / "model" / "rnn_ner" / "cfg").write_text("{}") and {},
        "because the model has changed",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_run_of_something_else_is_not_gone_on_with(here, model, tmp_path, name):  # noqa: F811
    import shutil

    change, message = CHANGES[name]
    shutil.copytree(model, tmp_path / "model")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("\n".join(TEXTS))
    out = tmp_path / "out"
    run(tmp_path / "model", tmp_path / "texts", out, format="parquet")
    before = digests(out)
    settings = {"format": "parquet", **change(tmp_path)}
    with pytest.raises(ValueError, match="pass --force to start anew") as error:
        run(tmp_path / "model", tmp_path / "texts", out, **settings)
    assert message in str(error.value) and digests(out) == before
    if name != "model":
        run(tmp_path / "model", tmp_path / "texts", out, force=True, **settings)
        assert digests(out) != before and not (tmp_path / ".out.new").exists() and not (tmp_path / ".out.old").exists()


def test_a_forced_run_replaces_the_one_before_when_it_is_complete(here, model, corpus, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    run(model, corpus, out)
    before = digests(out)

    def stop(state):
        if state.n_shards:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(model, corpus, out, force=True, scores=True, progress=stop)
    assert digests(out) == before
    run(model, corpus, out, force=True, scores=True)
    assert rows_of(out)[0]["tag_score"] and len(rejected_of(out)) == 2


def test_nothing_of_others_is_written_over(here, model, corpus, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(ValueError, match="notes.txt"):
            run(model, corpus, out, force=force)
    with pytest.raises(ValueError):
        run(model, corpus, model / "out")
    with pytest.raises(ValueError):
        run(model, corpus, corpus, force=True)
    assert digests(out) == {"notes.txt": digests(out)["notes.txt"]}


def test_two_runs_do_not_share_a_folder(here, model, corpus, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    seen = []

    def meddle(state):
        if state.stage == "annotating" and not seen:
            with pytest.raises(ValueError, match="another process is writing"):
                run(model, corpus, out)
            seen.append(True)

    run(model, corpus, out, progress=meddle)
    assert seen


def square(x):
    if x == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return x * x


def make_square():
    return square


def make_nothing():
    raise ValueError("nothing can be made")


def test_a_task_that_kills_its_process_is_given_up():
    with LocalPool(make_square, (), 2, what="number") as pool:
        found = []
        with pytest.raises(WorkerDied, match=r"number 3: 3 worker processes ended while they were at it .*signal 9"):
            for task, result in pool.run([1, 2, 3, 4]):
                found.append((task, result))
    assert {(1, 1), (2, 4)} <= set(found)


def test_a_process_that_cannot_begin_says_why():
    with LocalPool(make_nothing, (), 1) as pool, pytest.raises(ValueError, match="nothing can be made"):
        pool.wait_until_ready()
    assert local_pool.MOST_TRIES == 3


def test_the_command_says_what_it_did(here, model, corpus, tmp_path):  # noqa: F811
    out, numbers = tmp_path / "out", tmp_path / "numbers.json"
    arguments = ["annotate", model, corpus, out, "--to", "jsonl", "--text", "--json", numbers]
    code, printed = run_command(*arguments)
    assert code == 0 and "98 documents" in printed and "2 rejected, listed in rejected.jsonl" in printed
    assert "tokens/s" in printed and "most memory" in printed and "Next:" in printed
    written = json.loads(numbers.read_text())
    assert (written["command"], written["n_rows"], written["n_rejected"]) == ("rnn annotate", 98, 2)
    code, printed = run_command(*arguments, "--force")
    assert code == 0 and "shards were there already" in printed
    code, printed = run_command("annotate", model, corpus, out, "--to", "parquett")
    assert code == 2 and "Did you mean 'parquet'?" in words_of(printed)
    code, printed = run_command("annotate", "no_model", corpus, tmp_path / "new")
    assert code == 2 and "Can't find model 'no_model'" in words_of(printed) and not (tmp_path / "new").exists()
