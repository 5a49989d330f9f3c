"""Targets of every kind, on the way from gold to scores."""

import numpy
import pytest
import srsly
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_rnn_tagger.evaluation.layer_summary import load_untrained, summarize_layers
from spacy_rnn_tagger.pipeline.targets.alignment import aligned_strings

from ..conftest import make_examples, run_cli, small_model, train, train_cli
from ..fixtures.target_pipelines import add, doc_of


@pytest.mark.parametrize(
    "words",
    [
        ["a", " ", "b", "\n\n", "C", "dd"],
        ["A", " ", "b", "\n\n", "C", "dd"],
        ["a", " ", "b", "\n\nC", "dd"],  # what differs, in one token
        ["a", " ", "b", "\n\n", "Cdd"],  # what agrees, in one token
        ["a", " ", "b", "\n\n", "C", "d", "d"],
        ["a b\n\nCd", "d"],
    ],
)
@pytest.mark.parametrize("attr", ["TAG", "POS", "MORPH"])
def test_aligned_strings_are_spacys(nlp, words, attr):
    gold = doc_of(
        nlp,
        ["a", " ", "b", "\n\n", "C", "dd"],
        tags=["X", "_SP", "", "_SP", "Y", "Y"],
        pos=["NOUN", "SPACE", "", "SPACE", "VERB", "VERB"],
        morphs=["Number=Sing", "", "", "_", "Tense=Past|VerbForm=Fin", "Tense=Past|VerbForm=Fin"],
    )
    example = Example(doc_of(nlp, words), gold)
    assert aligned_strings(example, attr) == example.get_aligned(attr, as_string=True)


@settings(max_examples=100, deadline=None)
@given(st.text("ab", min_size=1, max_size=12), st.data())
def test_values_are_aligned_as_spacy_aligns_them(text, data):
    """For any two ways to cut a text into tokens, with few different tags, so that some tokens agree and others do
    not."""
    vocab = Vocab()

    def cut():
        ends = sorted(data.draw(st.sets(st.integers(1, len(text)))) | {len(text)})
        words = [text[start:end] for start, end in zip([0, *ends], ends)]
        # A token of whitespace has none beside it in the other doc.
        words = [part for word in words for part in ([" "] * data.draw(st.integers(0, 1)) + [word])]
        return Doc(vocab, words=words, spaces=[False] * len(words))

    predicted, reference = cut(), cut()
    for token in reference:
        token.tag_ = data.draw(st.sampled_from(["", "A", "B"]))
    example = Example(predicted, reference)
    assert aligned_strings(example, "TAG") == example.get_aligned("TAG", as_string=True)


@pytest.mark.parametrize("name", ["", "spans:", "_.", "sent", "span:x"])
def test_unknown_targets(nlp, name):
    allowed = "'tag', 'pos', 'morph', 'ents', 'sents', 'spans:<key>', '_.<extension>'"
    with pytest.raises(ValueError, match=f"target = '{name}' is unknown; allowed: {allowed}"):
        add(nlp, name)


def test_data_for_another_target_say_so(nlp, kind):
    add(nlp, "spans:missing")
    with pytest.raises(
        ValueError, match=r"annotated targets: .*sents, spans:layer, _.kind.*doc.spans\['missing'\]; check the key"
    ):
        nlp.initialize(lambda: make_examples(nlp))


@pytest.mark.parametrize("target,label", [("spans:layer", "NEW"), ("_.kind", "new")])
def test_labels_can_be_added_later(nlp, kind, target, label):
    pipe = add(nlp, target)
    train(nlp, make_examples(nlp))
    doc = nlp.make_doc("Anna eats ham in London.")
    before, path = pipe.model.predict([doc])[0].copy(), pipe.predict([doc])[0]
    assert pipe.add_label(label) == 1
    numpy.testing.assert_allclose(pipe.model.predict([doc])[0][:, : before.shape[1]], before, atol=1e-6)
    assert (pipe.predict([doc])[0] == path).all()


CONFIG = """
[paths]
train = null
dev = null

[nlp]
lang = "en"
pipeline = ["sents","layer"]

[components]

[components.sents]
factory = "rnn_senter"

[components.layer]
factory = "rnn_tagger"
target = "spans:layer"
incorrect_spans_key = "wrong"

[corpora]

[corpora.train]
@readers = "spacy-rnn-tagger.corpus.v1"
path = ${paths.train}

[corpora.dev]
@readers = "spacy-rnn-tagger.corpus.v1"
path = ${paths.dev}

[training]
max_steps = 2
eval_frequency = 1

[training.score_weights]
sents_f = 0.5
spans_layer_f = 0.5
"""


def test_command_line(nlp, tmp_path):
    data, config, filled = tmp_path / "toy.spacy", tmp_path / "base.cfg", tmp_path / "config.cfg"
    DocBin(docs=[eg.reference for eg in make_examples(nlp)]).to_disk(data)
    config.write_text(CONFIG)
    done = run_cli("-m", "spacy", "init", "fill-config", config, filled)
    assert done.returncode == 0, done.stdout + done.stderr
    paths = ["--paths.train", data, "--paths.dev", data]
    done = run_cli("-m", "spacy", "debug", "config", filled, *paths)
    assert done.returncode == 0, done.stdout + done.stderr
    done = run_cli("-m", "spacy", "debug", "data", filled, *paths)
    assert "Pipeline can be initialized with data" in done.stdout, done.stdout + done.stderr
    done = run_cli("-m", "spacy", "init", "labels", filled, tmp_path / "labels", *paths)
    assert done.returncode == 0, done.stdout + done.stderr
    sections = ""
    for name, labels in (("sents", ["I", "S"]), ("layer", ["GPE", "PERSON"])):
        path = tmp_path / "labels" / f"{name}.json"
        assert srsly.read_json(path) == labels
        section = f"initialize.components.{name}"
        sections += f'\n[{section}]\n\n[{section}.labels]\n@readers = "spacy.read_labels.v1"\npath = "{path}"\n'
    filled.write_text(filled.read_text() + sections)
    out = train_cli(filled, tmp_path / "out", {"paths.train": data, "paths.dev": data})
    assert "SENTS_F" in out and "SPANS_LAYER_F" in out
    rows = summarize_layers(load_untrained(str(tmp_path / "out" / "model-best"), {})).components
    assert rows["sents"][-1].shape[-1] == 2 and rows["layer"][-1].shape[-1] == 9
    rows = summarize_layers(load_untrained(str(filled), {})).components
    assert rows["sents"][-1].shape[-1] == 2  # known without data


def test_score_weights_of_another_key_are_asked_for(nlp):
    nlp.add_pipe("rnn_spans", config={"spans_key": "layer", "model": small_model()})
    nlp._config["paths"]["train"] = "train.spacy"
    with pytest.raises(ValueError, match=r"scored by spans_layer_f, which has no entry .*Did you mean 'spans_sc_f'"):
        nlp.initialize(lambda: make_examples(nlp))
