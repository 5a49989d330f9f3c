"""Numbers by label in configs: any label survives every journey of a pipeline."""

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.training import Example
from spacy.util import load_model_from_config
from thinc.api import Config

from spacy_rnn_tagger.pipeline.settings import from_config_key, to_config_key
from spacy_rnn_tagger.training import tune_label_bias

from ..conftest import make_examples, small_model, train

LABELS = [
    "LOC:city",
    "a=b",
    "[x]",
    "#x",
    ";x",
    " x",
    "x ",
    "$",
    "${a.b}",
    "50%",
    "%41",
    "@x",
    "*",
    "a.b",
    "ÜBER",
    "\u2028",
    "'q\"\\",
]


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(min_size=1), st.floats(allow_nan=False, allow_infinity=False)))
def test_any_label_survives_a_config_file(numbers):
    config = Config({"section": {"numbers": {to_config_key(label): n for label, n in numbers.items()}}})
    for interpolate in (False, True):
        read = Config().from_str(config.to_str(), interpolate=interpolate)["section"]["numbers"]
        assert {from_config_key(key): n for key, n in read.items()} == numbers


def test_ordinary_labels_are_keys_as_they_are():
    for label in ("PERSON", "B-PER", "work_of_art", "Persönlich", "V|N", "人名"):
        assert to_config_key(label) == label


def make_pipeline(labels, config):
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_ner", config={"model": small_model(), **config})
    text = "a b"
    examples = [Example.from_dict(nlp.make_doc(text), {"entities": [(0, 1, label)]}) for label in labels]
    nlp.initialize(lambda: examples)
    return nlp


@pytest.mark.parametrize("setting", ["label_bias", "class_weights"])
def test_numbers_of_any_label_survive_disk_bytes_and_config(tmp_path, setting):
    numbers = {label: float(i + 1) for i, label in enumerate(LABELS)}
    nlp = make_pipeline(LABELS, {setting: {to_config_key(label): n for label, n in numbers.items()}})
    nlp.to_disk(tmp_path / "one")
    once = spacy.load(tmp_path / "one")
    once.to_disk(tmp_path / "two")
    twice = spacy.load(tmp_path / "two")
    built = load_model_from_config(Config().from_str(nlp.config.to_str())).from_bytes(nlp.to_bytes())
    for pipeline in (nlp, once, twice, built):
        assert getattr(pipeline.get_pipe("rnn_ner"), setting) == numbers
    assert (tmp_path / "one" / "config.cfg").read_bytes() == (tmp_path / "two" / "config.cfg").read_bytes()


@pytest.mark.parametrize("label", sorted(set(LABELS) - {"ÜBER", "a.b"}))
def test_a_label_that_a_config_cannot_hold_is_refused_with_the_form_that_it_can(nlp, label):
    if label == "%41":
        return  # the encoded form of "A"
    with pytest.raises(ValueError) as e:
        nlp.add_pipe("rnn_ner", config={"model": small_model(), "label_bias": {label: 1.0}})
    encoded = to_config_key(label)
    assert f"write {encoded!r} in configs" in str(e.value) or label == "@x"  # to confection, the name of a function
    ner = nlp.add_pipe("rnn_ner", config={"model": small_model(), "label_bias": {encoded: 1.0}})
    assert ner.label_bias == {label: 1.0}


def test_overrides_on_loading_are_encoded(tmp_path):
    make_pipeline(["LOC:city"], {}).to_disk(tmp_path / "one")
    with pytest.raises(ValueError, match="write 'LOC%3Acity' for 'LOC:city'"):
        spacy.load(tmp_path / "one", config={"components.rnn_ner.label_bias": {"LOC:city": 1.0}})
    nlp = spacy.load(tmp_path / "one", config={"components.rnn_ner.label_bias": {"LOC%3Acity": 1.0}})
    nlp.to_disk(tmp_path / "two")
    assert spacy.load(tmp_path / "two").get_pipe("rnn_ner").label_bias == {"LOC:city": 1.0}


def test_a_typo_is_refused_as_soon_as_the_labels_are_known(nlp):
    ner = nlp.add_pipe("rnn_ner", config={"model": small_model()})
    examples = make_examples(nlp)
    ner.label_bias = {"PERSN": 1.0}
    with pytest.raises(ValueError, match=r"label_bias names the label 'PERSN'.* Did you mean 'PERSON'\?"):
        nlp.initialize(lambda: examples)
    ner.label_bias = {"PERSON": 1.0}
    train(nlp, examples, steps=1)
    for setting in ("label_bias", "class_weights"):
        with pytest.raises(ValueError, match=rf"{setting} names the label 'PERSN'.* Did you mean 'PERSON'\?"):
            setattr(ner, setting, {"PERSN": 1.0})
    ner.class_weights = {"O": 2.0, "GPE": 0.5}
    assert ner.label_bias == {"PERSON": 1.0}


def test_a_key_that_was_not_encoded_is_explained(nlp):
    read = Config().from_str("[a]\nLOC:city = 1.0")["a"]
    with pytest.raises(ValueError, match=r"label_bias of 'LOC' = 'city = 1.0' is not allowed.*write 'LOC%3Acity'"):
        nlp.add_pipe("rnn_ner", config={"label_bias": read})


def test_a_pipeline_with_tuned_biases_loads(tmp_path, monkeypatch):
    nlp = make_pipeline(["loc:city"], {})
    gold = [Example.from_dict(nlp.make_doc("a b"), {"entities": [(0, 1, "loc:city")]})]
    monkeypatch.setattr(tune_label_bias, "_development_examples", lambda nlp: gold)
    tune_label_bias.make_tune_label_bias(steps=2)(nlp).to_disk(tmp_path / "model")
    assert list(spacy.load(tmp_path / "model").get_pipe("rnn_ner").label_bias) == ["loc:city"]
