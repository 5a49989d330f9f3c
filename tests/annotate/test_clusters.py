"""The same rows from Ray and from Spark, as engines of a run and as functions."""

import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
import spacy

from spacy_rnn_tagger.annotate import AnnotateSettings, annotate
from spacy_rnn_tagger.annotate.engines import ENGINES

from ..fixtures.annotation_runs import TEXTS, digests, in_this_process, model  # noqa: F401
from ..fixtures.commands import run as run_command
from ..fixtures.commands import words_of

NEEDS = {
    "ray": "needs Ray: pip install 'spacy-rnn-tagger[ray]'",
    "spark": "needs PySpark and Java: pip install 'spacy-rnn-tagger[spark]'; apt-get install default-jre-headless",
}
SETTINGS = AnnotateSettings(format="parquet", shard_tokens=60, scores=True)


@pytest.fixture
def engine(request):
    pytest.importorskip({"ray": "ray", "spark": "pyspark"}[request.param], reason=NEEDS[request.param])
    return request.param


both = pytest.mark.parametrize("engine", ["ray", "spark"], indirect=True)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    rng = random.Random(0)
    lines = [json.dumps({"text": rng.choice(TEXTS), "id": f"n{i}"}) for i in range(60)]
    lines[7] = "damaged"
    (folder / "a.jsonl").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def complete(model, corpus, tmp_path_factory):  # noqa: F811
    out = tmp_path_factory.mktemp("complete") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "local", in_this_process)
        done = annotate(model, corpus, out, settings=SETTINGS)
    assert done.n_shards > 4 and done.n_rejected == 1
    return digests(out)


def workers(engine):
    """The processes of this machine that hold the pipeline: Ray names an actor's by its class, Spark's are Python's
    below Java."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if ("ray::ShardActor" in line) if engine == "ray" else ("pyspark" in line and "daemon" in line):
            found.append(int(path.name))
    return found


@both
def test_the_bytes_are_those_of_processes(engine, model, corpus, complete, tmp_path):  # noqa: F811
    done = annotate(model, corpus, tmp_path / "out", settings=SETTINGS, engine=engine, processes=2)
    assert digests(tmp_path / "out") == complete and done.engine == engine and done.worker_memory
    again = annotate(model, corpus, tmp_path / "out", settings=SETTINGS, engine=engine, processes=1)
    assert again.new_tokens == 0 and digests(tmp_path / "out") == complete


@both
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, to find the workers")
@pytest.mark.parametrize("number", range(3))
def test_a_killed_worker_changes_no_byte(engine, model, corpus, complete, tmp_path, number):  # noqa: F811
    out, killed = tmp_path / "out", []

    def kill():
        while not list(out.glob("shard-*")) and not killed:
            time.sleep(0.01)
        time.sleep(random.Random(number).uniform(0, 0.2))
        for process in workers(engine)[-1:]:
            os.kill(process, signal.SIGKILL)
            killed.append(process)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    annotate(model, corpus, out, settings=SETTINGS, engine=engine, processes=2)
    thread.join(60)
    assert killed and digests(out) == complete


@both
def test_what_is_wrong_is_one_sentence(engine, model, corpus, tmp_path):  # noqa: F811
    (tmp_path / "broken").mkdir()
    arguments = ["annotate", tmp_path / "broken", corpus, tmp_path / "out", "--engine", engine, "-n", 1]
    code, printed = run_command(*arguments)
    assert code == 2 and "cannot be loaded" in words_of(printed) and "Traceback" not in printed
    assert not (tmp_path / "out").exists()


@both
@pytest.mark.slow
def test_a_cluster_that_is_not_there(engine, model, corpus, tmp_path):  # noqa: F811
    address = {"ray": "127.0.0.1:1", "spark": "sc://127.0.0.1:1"}[engine]
    arguments = ["annotate", model, corpus, tmp_path / "out", "--engine", engine, "--address", address]
    code, printed = run_command(*arguments)
    assert code == 2 and f"cluster at '{address}' cannot be reached" in words_of(printed), printed


def expected(model):  # noqa: F811
    nlp = spacy.load(model)
    docs = list(nlp.pipe(TEXTS))
    tags = [[token.tag_ for token in doc] for doc in docs]
    ents = [[{"start": e.start_char, "end": e.end_char, "label": e.label_} for e in doc.ents] for doc in docs]
    return [*zip(tags, ents, [None] * len(docs)), (None, None, "the text must be a string, not None.")]


def test_a_dataset_of_ray(model):  # noqa: F811
    ray = pytest.importorskip("ray", reason=NEEDS["ray"])
    from spacy_rnn_tagger.annotate import ray as annotate_dataset

    ray.init(address="local", include_dashboard=False, num_cpus=2, log_to_driver=False, logging_level="ERROR")
    try:
        items = [{"n": i, "body": text} for i, text in enumerate([*TEXTS, None])]
        dataset = ray.data.from_items(items)
        rows = annotate_dataset(dataset, model, text="body", concurrency=1).take_all()
        rows.sort(key=lambda row: row["n"])
        assert [(row["tag"], row["ents"], row["rejected"]) for row in rows] == expected(model)
        assert [row["body"] for row in rows] == [*TEXTS, None]
        with pytest.raises(ValueError, match="there is no column 'text'; the columns are 'n', 'body'"):
            annotate_dataset(dataset, model)
    finally:
        ray.shutdown()


def test_a_frame_of_spark(model, monkeypatch):  # noqa: F811
    sql = pytest.importorskip("pyspark.sql", reason=NEEDS["spark"])
    from spacy_rnn_tagger.annotate import spark as annotate_frame

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    try:
        session = builder.config("spark.log.level", "ERROR").getOrCreate()
    except Exception as e:
        pytest.skip(f"{NEEDS['spark']}: {e}")
    try:
        frame = session.createDataFrame([*enumerate(TEXTS), (len(TEXTS), None)], "n int, body string")
        rows = annotate_frame(frame, model, text="body").orderBy("n").collect()
        found = [
            (row["tag"], None if row["ents"] is None else [e.asDict() for e in row["ents"]], row["rejected"])
            for row in rows
        ]
        assert found == expected(model) and [row["body"] for row in rows] == [*TEXTS, None]
        with pytest.raises(ValueError, match="Did you mean 'body'"):
            annotate_frame(frame, model, text="bod")
    finally:
        session.stop()
