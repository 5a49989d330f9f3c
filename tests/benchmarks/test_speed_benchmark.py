"""The measurement of speed: its parts, and the real commands on a few sentences. No test asserts a time."""

import gc
import itertools
import json
import sys
from pathlib import Path

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from spacy.tokens import DocBin
from spacy.util import load_model_from_config

from benchmarks.common.table import Table
from benchmarks.common.timer import Task, measure
from benchmarks.speed import __main__ as command
from benchmarks.speed import command as whole_command
from benchmarks.speed import hot_spots, resident, soak, training
from benchmarks.speed.children.hidden import Hidden
from benchmarks.speed.children.soak import LONGEST, random_texts
from benchmarks.speed.labels import checksum, labels, n_different
from benchmarks.speed.pipelines import Pipelines, clear_caches
from benchmarks.speed.processes import ONE_THREAD, environment
from benchmarks.speed.recipes import RECIPES
from benchmarks.speed.registry import SECTIONS
from benchmarks.speed.sections import gemm
from benchmarks.speed.steps import corpus_tokens, training_steps
from benchmarks.speed.texts import cut, make_docs, read_texts
from spacy_rnn_tagger.models.serving.lexeme_gates import cache_info
from spacy_rnn_tagger.recurrence import array_engine
from spacy_rnn_tagger.recurrence.packing import make_packing
from spacy_rnn_tagger.recurrence.serving_inputs import Rows

from ..conftest import make_examples

IN_CHILDREN = {"threads", "memory", "soak", "loading"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A .spacy file with the four annotated sentences, several times over."""
    path = tmp_path_factory.mktemp("corpus") / "tiny.spacy"
    docs = [eg.reference for eg in make_examples(spacy.blank("en"))]
    DocBin(docs=docs * 4).to_disk(path)
    return path


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("work")


@pytest.fixture
def pipelines(corpus, work):
    return Pipelines({}, {"ewt": corpus, "wnut17": corpus}, work, steps=2, limit=40)


@pytest.fixture
def arguments(corpus, work, tmp_path):
    train = itertools.chain(*(["--train", f"{name}={corpus}"] for name in ("ewt", "wnut17")))
    return ["--quick", "--texts", str(corpus), *train, "--work", str(work), "--output", str(tmp_path / "out")]


# ---- times ----


def test_rounds_take_turns_and_only_running_is_timed():
    now, log = [0.0], []

    def task(name, seconds, n_tokens):
        def prepare():
            now[0] += 1000
            return name

        def run(prepared):
            assert not gc.isenabled()
            log.append(prepared)
            now[0] += next(seconds)
            return prepared.upper()

        return Task(n_tokens, prepare, run, lambda result: result * 2)

    tasks = {"a": task("a", iter([9, 1, 2, 6]), 10), "b": task("b", iter([9, 4, 6, 9]), 30)}
    found = measure(tasks, 3, clock=lambda: now[0])
    assert "".join(log) == "ab" + "ab" + "ba" + "ab" and gc.isenabled()
    assert found.seconds == {"a": [1, 2, 6], "b": [4, 6, 9]} and found.results == {"a": "AA", "b": "BB"}
    assert found.rate("a") == 5 and found.rate("b") == 5
    # The rounds' ratios are 4, 3 and 1.5, that of the medians would be 3, too, and b does three times as much.
    assert found.slowdown("b", "a") == 3 and found.ratio("a", "b") == pytest.approx(1)


# ---- texts and labels ----


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(), min_size=1, max_size=4), min_size=1, max_size=4),
    st.integers(1, 9),
    st.integers(1, 30),
)
def test_docs_of_a_length_are_the_sentences_over_and_over(sentences, length, n_tokens):
    pieces = cut(sentences, length, n_tokens)
    assert all(len(piece) == length for piece in pieces[:-1]) and 0 < len(pieces[-1]) <= length
    words = itertools.cycle(itertools.chain(*sentences))
    assert [word for piece in pieces for word in piece] == list(itertools.islice(words, n_tokens))


def test_different_labels_are_counted(nlp):
    examples, others = make_examples(nlp), make_examples(nlp)
    docs, changed = ([eg.reference for eg in egs] for egs in (examples, others))
    assert n_different(labels(docs), labels(changed)) == 0 and checksum(docs) == checksum(changed)
    changed[0][1].tag_ = "X"
    changed[1].set_ents([])
    assert n_different(labels(docs), labels(changed)) == 1 + 4 and checksum(docs) != checksum(changed)
    with pytest.raises(ValueError, match="cannot compare"):
        n_different(labels(docs), labels(docs[:1]))


def test_texts_are_those_of_the_file(corpus):
    sentences, texts = read_texts(corpus, limit=2)
    assert sentences[0] == ["I", "like", "London", "."] and texts == ["I like London.", "Anna Berg works in New York."]


@pytest.mark.parametrize("new_words", [False, True])
def test_random_texts_may_have_new_words(new_words):
    texts = list(random_texts(["a", "b"], 300, new_words))
    assert texts == list(random_texts(["a", "b"], 300, new_words)) and len(texts) == 300
    lengths = {len(text.split()) for text in texts}
    assert min(lengths) == 1 and max(lengths) == LONGEST
    new = [word for text in texts for word in text.split() if word not in "ab"]
    n_words = sum(len(text.split()) for text in texts)
    assert len(set(new)) == len(new) and (0.03 < len(new) / n_words < 0.07) == new_words


# ---- pipelines ----


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_what_they_are_called(name):
    config = RECIPES[name].config()
    encode = config["components"]["tok2vec"]["model"]["encode"]
    decoders = {part["decoder"] for part in config["components"].values() if "decoder" in part}
    if "peer" in name:
        assert not decoders and ("BiLSTM" in encode["@architectures"]) == name.endswith("bilstm")
        assert config["training"]["batcher"] == RECIPES[RECIPES[name].corpus].config()["training"]["batcher"]
    else:
        assert decoders == {"crf" if "crf" in name else "softmax"} and encode["depth"] == (
            2 if "2-layers" in name else 1
        )
        assert ("rnn_language_model" in config["components"]) == (not name.startswith("ewt-default"))
        by_arrays = {"ewt-array": "array", "ewt-default": "auto"}
        assert encode.get("engine", "torch") == by_arrays.get(name, "torch")
    nlp = load_model_from_config(config)
    assert set(nlp.pipe_names) == set(config["components"])


def test_stand_ins_are_made_once_and_loaded_in_part(pipelines, corpus, work):
    path = pipelines.path("ewt")
    changed = path.stat().st_mtime_ns
    again = Pipelines({}, {"ewt": corpus}, work, steps=2, limit=40)
    assert again.path("ewt") == path and path.stat().st_mtime_ns == changed
    assert Pipelines({}, {"ewt": corpus}, work, steps=3, limit=40).path("ewt") != path
    nlp = again.load("ewt", ["tok2vec", "rnn_tagger"])
    assert nlp.pipe_names == ["tok2vec", "rnn_tagger"] and "PRP" in nlp.get_pipe("rnn_tagger").labels
    assert again.load_stand_in("ewt").pipe_names[-1] == "rnn_language_model"
    given_one = Pipelines({"wnut17": path}, {}, work, steps=2)
    with pytest.raises(ValueError, match="has tok2vec.*but no 'rnn_ner'"):
        given_one.load("wnut17", ["tok2vec", "rnn_ner"])
    assert given_one.note("wnut17", "ewt", "ewt") == (
        f"Trained: wnut17 ({path}). Initialized from the training data and trained for 2 steps: ewt."
    )


def test_a_cold_cache_is_empty(pipelines):
    nlp = pipelines.load("wnut17", ["tok2vec", "rnn_ner"])
    model = nlp.get_pipe("tok2vec").model
    list(nlp.pipe(make_docs(nlp.vocab, [["Anna", "eats", "ham"]])))
    assert cache_info(model).entries == 3
    clear_caches(nlp)
    assert cache_info(model) is None
    list(nlp.pipe(make_docs(nlp.vocab, [["Anna"]])))
    assert cache_info(model).entries == 1


def test_training_steps_are_real(pipelines, corpus):
    nlp = pipelines.load_stand_in("ewt-default")
    before = {n.id: n.get_param("W").copy() for n in nlp.get_pipe("rnn_tagger").model.walk() if n.has_param("W")}
    n_tokens = sum(map(len, read_texts(corpus)[0]))
    steps = training_steps(nlp)
    assert corpus_tokens(nlp) == n_tokens and [next(steps), next(steps)] == [n_tokens, n_tokens]
    after = {n.id: n.get_param("W") for n in nlp.get_pipe("rnn_tagger").model.walk() if n.has_param("W")}
    assert before and all((before[i] != after[i]).any() for i in before)


# ---- processes ----


def test_threads_are_set_where_libraries_look(monkeypatch):
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    assert ONE_THREAD.items() <= environment(one_thread=True).items() and "OMP_NUM_THREADS" not in environment(False)
    assert "MKL_NUM_THREADS" not in environment(True)


def test_with_more_threads_the_command_begins_again(arguments, monkeypatch):
    calls = []
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(
        whole_command.subprocess, "run", lambda c, env: calls.append((c, env)) or type("Done", (), {"returncode": 7})
    )
    assert command.main(arguments) == 7
    ((words, env),) = calls
    assert words[1:3] == ["-m", "benchmarks.speed"] and words[3:] == arguments and env["OMP_NUM_THREADS"] == "1"


def test_hidden_modules_cannot_be_imported(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    hidden = Hidden("wave")
    with pytest.raises(ImportError, match="hidden"):
        import wave  # noqa: F401
    import colorsys  # noqa: F401

    assert hidden.asked == 1


def test_memory_is_read_or_the_reason_said(monkeypatch, tmp_path):
    before = resident.resident_mb()
    held = numpy.ones(40_000_000, dtype="uint8")
    assert 30 < resident.resident_mb() - before < 60 and resident.peak_mb() > before + 30
    del held
    assert resident.peak_mb() >= resident.resident_mb() > 10
    monkeypatch.setattr(resident, "PROC", tmp_path)
    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(resident.NoReading, match="pip install psutil"):
        resident.resident_mb()


# ---- the recurrence and the tables ----


@pytest.mark.parametrize("n_directions", [1, 2])
def test_inputs_at_rest_are_those_of_every_block(n_directions):
    rng = numpy.random.default_rng(0)
    weights = gemm._weights(rng, n_directions)
    packing = make_packing([8] * 128)  # a block is of two steps, or of four
    gates = gemm._gates(rng, weights, 1)
    found = {}
    for name, inputs in (
        ("rest", gemm.Resting(gates.repeat(256, axis=2))),
        ("rows", Rows(gates, numpy.zeros(1024, dtype="int64"))),
    ):
        array_engine.run_blocks(
            weights, packing, inputs, lambda start, end, h, name=name: found.update({name: h.copy()})
        )
    assert_allclose(found["rest"], found["rows"], atol=1e-6)


def test_a_table_of_given_figures(tmp_path):
    table = Table("t", "Title", ["what", "tokens/s"])
    table.add("`a`", "1", rate=1.0)
    table.check("of a and of b", 0, 10)
    assert (
        table.markdown()
        == "Title\n\n| what | tokens/s |\n| --- | ---: |\n| `a` | 1 |\n\nLabels of a and of b are the same."
    )
    table.check("of c", 2, 1000)
    assert table.n_different == 2 and table.notes[1] == "Labels of c differ at 2 of 1,000 tokens."
    table.write(tmp_path, {"cores": 1})
    assert (tmp_path / "t.md").read_text() == table.markdown() + "\n"
    assert json.loads((tmp_path / "t.json").read_text())["figures"] == [{"what": "`a`", "rate": 1.0}]


# ---- the commands ----


def read(arguments, name):
    return json.loads(Path(arguments[-1], f"{name}.json").read_text())


def rates(figures):
    found = []
    for figure in figures:
        for key, value in figure.items():
            if "tokens per second" in key or key in ("ms", "share", "MB", "seconds"):
                found += value if isinstance(value, list) else [value]
    return found


def test_the_tables_of_one_process(arguments, capsys, tmp_path):
    pytest.importorskip("matplotlib")
    names = [name for name in SECTIONS if name not in IN_CHILDREN | {"training"}]
    image = tmp_path / "speed.svg"
    assert command.main([*arguments, "--figure", str(image), "--only", *names]) == 0
    printed = capsys.readouterr().out
    assert "Labels with a warm, a cold and an always cold cache are the same." in printed
    assert "differ" not in printed and image.read_text().count("tok2vec+rnn_tagger") >= 1
    components = read(arguments, "components")["figures"]
    assert len(components) == 6 + 6 + 3 and sum("cold: times spaCy" in figure for figure in components) == 9
    assert [f["warm: times spaCy"] for f in components if f["variant"].endswith("convolutions")] == [1.0] * 3
    assert len(read(arguments, "latency")["figures"]) == 6
    for name in names:
        found = rates(read(arguments, name)["figures"])
        assert all(rate > 0 for rate in found) and (found or name == "cuda"), name
        assert (tmp_path / "out" / f"{name}.md").read_text().strip() in printed


@pytest.mark.parametrize("name", sorted(IN_CHILDREN))
def test_the_tables_of_several_processes(name, arguments, capsys):
    assert command.main([*arguments, "--only", name]) == 0
    figures = read(arguments, name)["figures"]
    assert all(rate > 0 for rate in rates(figures)) and "differ at" not in capsys.readouterr().out
    if name == "loading":
        assert figures[-1] == {"ours asked for PyTorch": 0}


def test_training_is_timed(arguments):
    assert training.main(arguments) == 0
    figures = read(arguments, "training")["figures"]
    assert [figure["docs"] for figure in figures] == [
        docs for docs in ("sentences", "docs of 10 sentences", "whole docs") for _ in range(6)
    ]
    for base in figures[5::6]:
        assert base["recipe"] == "ewt-peer" and base["time / spaCy's"] == 1 and base["seconds of an epoch"] > 0


def test_hot_spots_are_shares_of_the_time(arguments, capsys):
    assert hot_spots.main([*arguments, "--top", "5"]) == 0
    for recipe in hot_spots.PIPES:
        for name in hot_spots.TITLES:
            shares = [figure["share"] for figure in read(arguments, f"hot_spots_{recipe}_{name}")["figures"]]
            assert len(shares) == 5 and shares == sorted(shares, reverse=True) and 0 < sum(shares) <= 1
    assert "array_loops.py" in capsys.readouterr().out


def test_different_labels_fail_the_command(arguments, monkeypatch, capsys):
    table = Table("batches", "Title", ["what"])
    table.check("of one and the other", 1, 10)
    monkeypatch.setitem(SECTIONS, "batches", lambda setup: table)
    assert command.main([*arguments, "--only", "batches"]) == 1
    assert "labels differ" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more,message",
    [
        (["--model", "ewt"], "--model 'ewt' is not NAME=PATH with one of these names: ewt, ewt-crf"),
        (["--model", "ewd=."], "--model 'ewd=.' is not NAME=PATH"),
        (["--model", "ewt=nowhere"], "there is no nowhere"),
        (["--texts", "none.spacy"], "there is no none.spacy; run `spacy project run ewt-corpus`"),
        (["--batch-size", "0"], "--batch-size 0 must be at least 1"),
        (["--only", "latency", "--figure", "x.svg"], "--only names neither"),
        (["--only", "speed"], "invalid choice"),
    ],
)
def test_bad_arguments(more, message, arguments, capsys):
    with pytest.raises(SystemExit):
        command.main([*arguments, *more])
    assert message in capsys.readouterr().err


def test_what_is_no_pipeline(arguments, tmp_path, capsys):
    assert command.main([*arguments, "--model", f"ewt={tmp_path}", "--only", "batches"]) == 1
    assert f"there is no pipeline {str(tmp_path)!r}" in capsys.readouterr().err


def test_missing_training_data(arguments, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    i = arguments.index("--train")
    assert soak.main(arguments[:i] + arguments[i + 4 :]) == 1
    assert (
        "there is no training data corpus/ewt/en_ewt-ud-train.spacy; run `spacy project run ewt-corpus`"
        in capsys.readouterr().err
    )
