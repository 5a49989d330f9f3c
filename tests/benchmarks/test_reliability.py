"""The attacks of benchmarks/reliability, in small: nothing fails in our column, and what fails is seen."""

import json
import tempfile
from types import SimpleNamespace

import numpy
import pytest
import spacy

from benchmarks.reliability import __main__ as command
from benchmarks.reliability import answers, configs, docs, files, service, subjects
from benchmarks.reliability.attack import OURS, PEERS, Attack, Count, from_dict
from benchmarks.reliability.page import page

from ..conftest import make_examples, small_model, train


@pytest.fixture(scope="module")
def trained():
    return subjects.ours()


@pytest.fixture
def alone(trained, monkeypatch):
    """Without the peers, which only the benchmark needs."""
    for module in (answers, docs, files):
        monkeypatch.setattr(module, "subjects", lambda: {OURS: trained})


def failures(attack):
    count = attack.counts[OURS]
    assert count.tries
    return count.failures, count.first


@pytest.mark.parametrize("part", [files, docs, configs], ids=lambda part: part.__name__.rpartition(".")[2])
def test_nothing_fails(part, monkeypatch, alone):
    monkeypatch.setattr(configs, "PEERS", ())
    monkeypatch.setattr(docs, "PEERS", ())
    found = list(part.attacks(0.01))
    assert found and {attack.part for attack in found} == {part.PART}
    for attack in found:
        assert failures(attack) == (0, []), attack.name


def test_answers_stay(monkeypatch, alone):
    """Without the ways that start processes, which have tests of their own."""
    few = {name: way for name, way in answers.WAYS.items() if "processes" not in name and "threads" not in name}
    monkeypatch.setattr(answers, "WAYS", few)
    monkeypatch.setattr(answers, "GRID", answers.GRID[::16])
    monkeypatch.setattr(answers, "PEERS", ())
    monkeypatch.setattr(answers, "_train_apart", lambda who, seed: {})
    found = list(answers.attacks(0.02))
    assert len(found) == len(few) + 2
    for attack in found:
        assert failures(attack) == (0, []), attack.name


def test_another_answer_is_seen():
    count = Count()
    answers._compare(count, "a way", [[["NN"], b"bits"]], lambda: [[["NN"], b"bitz"]])
    answers._compare(count, "a way", [[["NN"], b"bits"]], lambda: [[["VB"]]])
    answers._compare(count, "a way", [[["NN"], b"bits"]], lambda: [[]])
    answers._compare(count, "a way", [[["NN"], b"bits"]], lambda: 1 / 0)
    answers._compare(count, "a way", [[["NN"], b"bits"]], lambda: [[["NN"], b"bits"]])
    assert (count.tries, count.failures) == (5, 4) and "ZeroDivisionError" in count.first[-1]


def test_a_wrong_doc_is_seen():
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    nlp.add_pipe("rnn_ner", config={"model": small_model()})
    train(nlp, make_examples(nlp))
    doc = nlp("I like London.")
    assert docs._wrong(nlp, doc, doc.text) == ""
    assert "the text has changed" in docs._wrong(nlp, doc, "another")
    doc[0].tag_ = "NOWHERE"
    assert "no such tag" in docs._wrong(nlp, doc, doc.text)


def test_weights_that_are_not_finite_are_seen():
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    train(nlp, make_examples(nlp), steps=1)
    assert docs._finite_weights(nlp)
    pipe.model.get_ref("output_layer").get_param("b")[0] = numpy.nan
    assert not docs._finite_weights(nlp)


def test_a_damage_that_is_not_refused_is_seen(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_ner", config={"model": small_model()})
    train(nlp, make_examples(nlp))
    nlp.to_disk(tmp_path)
    count, right = Count(), files._answers(tmp_path)
    files._judge(count, tmp_path, right, "nothing")
    files._judge(count, tmp_path, right[::-1], "another answer")
    (tmp_path / "rnn_ner" / "model").unlink()
    files._judge(count, tmp_path, right, "weights gone")
    assert (count.tries, count.failures) == (3, 1) and "loaded, and other answers" in count.first[0]


def test_the_page_and_the_command(tmp_path, monkeypatch, capsys):
    attack = Attack("Files", "a bit flipped", "refused")
    attack.count(OURS).add(True)
    attack.count(PEERS[0]).add(False, "it loaded")
    assert from_dict(json.loads(json.dumps(attack.as_dict()))) == attack
    text = page([attack], {"machine": "A machine."})
    assert "| a bit flipped | refused | 0 of 1 | 1 of 1 | – |" in text and "What failed" not in text

    class Part:
        @staticmethod
        def attacks(size):
            attack.count(OURS).add(size < 2, "too large")
            yield attack

    monkeypatch.setattr(command.importlib, "import_module", lambda name: Part)
    places = ["--part", "files", "--result", str(tmp_path / "r.json"), "--page", str(tmp_path / "page.md")]
    assert command.main([*places, "--size", "1"]) == 0
    assert command.main([*places, "--size", "2"]) == 1
    assert "a bit flipped: too large" in (tmp_path / "page.md").read_text(encoding="utf8")
    assert command.main([*places, "--report-only"]) == 1
    with pytest.raises(SystemExit):
        command.main(["--size", "0"])
    assert "it must be above 0" in capsys.readouterr().err


@pytest.mark.parametrize("wrong, growth, failures", [([], 3.0, (0, 0)), (["text 0 of []"], 25.0, (1, 1))])
def test_what_came_of_traffic(wrong, growth, failures):
    latency = {"p50": 1.2, "max": 20.0}
    done = SimpleNamespace(minutes=1.0, workers=2, clients=3, requests=7, texts=9, wrong=wrong, failed=[])
    done.latency_ms, done.growth_mb = latency, growth
    answers, memory = service.attacks_of(done)
    assert "9 texts in requests of 1 to 64 from 3 clients at once, 1 min (p50 1 ms, max 20 ms)" in answers.name
    assert (answers.counts[OURS].failures, memory.counts[OURS].failures) == failures
    assert (answers.counts[OURS].tries, memory.counts[OURS].tries) == (7, 1)


def test_the_folder_of_a_run_is_not_shown():
    count = Count()
    with tempfile.TemporaryDirectory() as folder:
        count.add(False, f"Can't read {folder}/spaCy-killed/model-best/meta.json")
    assert count.first == ["Can't read spaCy-killed/model-best/meta.json"]
