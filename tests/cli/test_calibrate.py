"""`python -m spacy rnn calibrate`."""

import json
import re

import pytest
import spacy
from spacy.tokens import DocBin

from ..conftest import SENTENCES, make_examples
from ..fixtures.commands import run, saved, words_of  # noqa: F401


def test_calibrate_command(saved):  # noqa: F811
    model, dev, out = saved
    code, printed = run("calibrate", model, dev, "--output", out, "--json", out.parent / "numbers.json")
    assert code == 0, printed
    rows = re.findall(r"^(\w+) +(before|after|held out) +([\d.]+|varies) +([\d.]+) +([\d.]+)", printed, flags=re.M)
    states = ("before", "after", "held out")
    assert [row[:2] for row in rows] == [(n, w) for n in ("rnn_tagger", "rnn_ner") for w in states]
    numbers = json.loads((out.parent / "numbers.json").read_text())
    assert numbers["command"] == "rnn calibrate"
    old, new = spacy.load(model), spacy.load(out)
    for i, (name, (before, after, _)) in enumerate({"rnn_tagger": rows[:3], "rnn_ner": rows[3:]}.items()):
        assert float(after[3]) < float(before[3]) and float(after[2]) > 1
        assert new.get_pipe(name).temperature == pytest.approx(float(after[2]), abs=1e-3)
        assert new.meta["performance"][f"{name}_ece"] == pytest.approx(float(after[4]) / 100, abs=1e-4)
        assert numbers["components"][i]["fitted"]["temperature"] == new.get_pipe(name).temperature
    texts = [text for text, *_ in SENTENCES]
    for a, b in zip(old.pipe(texts), new.pipe(texts)):
        assert a.to_json() == b.to_json()
    assert spacy.load(model).get_pipe("rnn_ner").temperature == 1.0
    assert f"Next: python -m spacy evaluate {out} TEST.spacy" in words_of(printed)
    # Nothing is replaced unless told.
    code, printed = run("calibrate", model, dev, "--output", out, "-C", "rnn_ner")
    assert code == 2 and "is not empty; name another directory, or pass --force" in words_of(printed)
    code, printed = run("calibrate", model, dev, "--output", out, "-C", "rnn_ner", "--force")
    assert code == 0 and spacy.load(out).get_pipe("rnn_tagger").temperature == 1.0
    code, printed = run("calibrate", model, dev)
    assert code == 0 and "Nothing is saved" in printed


def test_what_would_be_worse_is_not_saved(saved):  # noqa: F811
    """The sentences that it was trained on, and one that is all wrong: it is the colder or the hotter for it, and
    worse."""
    model, dev, out = saved
    nlp = spacy.load(model)
    docs = [eg.reference for eg in make_examples(nlp)[:2]]
    for token in docs[1]:
        token.tag_ = "NN"
    DocBin(docs=docs).to_disk(dev)
    code, printed = run("calibrate", model, dev, "--output", out, "-C", "rnn_tagger")
    assert code == 0 and "rnn_tagger: the temperature stays 1.000, since on held-out data it" in words_of(printed)
    assert "Saved pipeline to output directory, as it was" in words_of(printed)
    assert spacy.load(out).get_pipe("rnn_tagger").temperature == 1.0


def test_numbers_on_standard_output_are_alone_there(saved, capsys):  # noqa: F811
    from spacy_rnn_tagger.cli import rnn_cli

    model, dev, _ = saved
    with pytest.raises(SystemExit):
        rnn_cli(["calibrate", str(model), str(dev), "--json", "-"])
    printed = capsys.readouterr()
    assert [each["component"] for each in json.loads(printed.out)["components"]] == ["rnn_tagger", "rnn_ner"]
    assert "temperature" in printed.err and "Nothing is saved" in printed.err
