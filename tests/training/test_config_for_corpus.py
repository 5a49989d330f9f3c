"""Configs that are made for a corpus: the recipes of configs/, and the choice of layers."""

import numpy
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span, Token
from thinc.api import Config

from spacy_rnn_tagger.training.config_for_corpus import config_for_corpus
from spacy_rnn_tagger.training.dev_split import split_corpus
from spacy_rnn_tagger.training.recipe import ACCURACY, EFFICIENCY

from ..conftest import CONFIGS, make_examples

CHOSEN = {
    "paths": {"train", "dev", "vectors"},
    "training": {"max_steps", "patience", "eval_frequency", "score_weights"},
    "training.batcher": {"size"},
    "training.optimizer.learn_rate": {"total_steps", "warmup_steps"},
    "components.tok2vec.model.embed": {"word_dropout", "min_freq"},
}
"""What the data decide."""


def docs_of(nlp, n=1):
    """The toy data with all layers, over and over; 75 times are 300 sentences."""
    return [example.reference for example in make_examples(nlp)] * n


def make(nlp, train, dev=None, **options):
    return config_for_corpus(nlp, {"train.spacy": train, "dev.spacy": train if dev is None else dev}, **options)


def parse(made):
    return Config().from_str(made.text, interpolate=False)


def differences(one, other, section=""):
    """The settings, as sections and keys, in which two configs differ."""
    for key in {*one, *other}:
        a, b = one.get(key), other.get(key)
        if isinstance(a, dict) and isinstance(b, dict) and (section, key) != ("training", "score_weights"):
            yield from differences(a, b, f"{section}.{key}" if section else key)
        elif a != b:
            yield section, key


@pytest.mark.parametrize("optimize", [ACCURACY, EFFICIENCY])
def test_the_base_is_the_recipe_of_configs(nlp, optimize):
    docs = docs_of(nlp, 75)
    made = make(nlp, docs, optimize=optimize, targets=["tag", "morph", "ents"])
    expected = Config().from_disk(CONFIGS / f"rnn_tagger_{optimize}.cfg", interpolate=False)
    found = parse(made)
    for section, key in differences(found, expected):
        assert key in CHOSEN.get(section, ()), (section, key)
    weights = found["training"]["score_weights"]
    assert weights.keys() == expected["training"]["score_weights"].keys()
    for key, weight in expected["training"]["score_weights"].items():
        assert weights[key] == pytest.approx(weight, abs=0.011), key
    assert found["training"]["optimizer"]["learn_rate"]["total_steps"] == made.recipe.max_steps


def test_each_annotated_layer_gets_a_component(nlp):
    docs = docs_of(nlp)
    made = make(nlp, docs)
    assert parse(made)["nlp"]["pipeline"] == [
        "tok2vec",
        "rnn_tagger",
        "rnn_morphologizer",
        "rnn_ner",
        "rnn_spans_layer",
    ]
    assert set(made.left_out) == {"sents", "_.kind"}
    assert "Left out: sents, since every doc is one sentence." in made.text.replace("\n# ", " ")
    made = make(nlp, docs, targets=["pos", "rnn_ner", "_.kind", "rnn_ner"])
    assert [(layer.component, layer.target) for layer in made.layers] == [
        ("rnn_tagger_pos", "pos"),
        ("rnn_ner", "ents"),
        ("rnn_tagger_kind", "_.kind"),
    ]
    weights = parse(made)["training"]["score_weights"]
    assert weights == {
        "pos_acc": 0.25,
        "ents_f": 0.5,
        "ents_p": 0.0,
        "ents_r": 0.0,
        "ents_per_type": None,
        "kind_acc": 0.25,
    }


def sentence_pairs(nlp, **annotation):
    return [
        Doc(nlp.vocab, words=f"{name} sleeps . {name} eats .".split(), **annotation)
        for name in ("Ann", "Bo", "Cy", "Di")
    ]


def test_sentences_and_parts_of_morphology(nlp):
    made = make(nlp, sentence_pairs(nlp, sent_starts=[True, False, False] * 2, pos=["PROPN", "VERB", "PUNCT"] * 2))
    assert [layer.target for layer in made.layers] == ["morph", "sents"]
    weights = parse(made)["training"]["score_weights"]
    assert (weights["pos_acc"], weights["morph_acc"], weights["sents_f"]) == (0.5, 0.0, 0.5)
    made = make(nlp, sentence_pairs(nlp, morphs=["Number=Sing", "Person=3", "_"] * 2))
    weights = parse(made)["training"]["score_weights"]
    assert (weights["pos_acc"], weights["morph_acc"]) == (0.0, 1.0)


def test_groups_with_names_that_are_nearly_the_same(nlp):
    docs = sentence_pairs(nlp)
    for doc in docs:
        for key in ("a.b", "a_b", "a:b", "x"):
            doc.spans[key] = [Span(doc, 0, 1, "A")]
        doc.spans["x"] = [Span(doc, 0, 2, "A"), Span(doc, 1, 3, "B")]
    made = make(nlp, docs)
    assert {layer.component: layer.settings for layer in made.layers} == {
        "rnn_spans_a_b": {"spans_key": "a.b"},
        "rnn_spans_a_b_": {"spans_key": "a_b"},
    }
    assert "overlap" in made.left_out["spans:x"] and "name of a score" in made.left_out["spans:a:b"]
    assert parse(made)["nlp"]["pipeline"][1:] == ["rnn_spans_a_b", "rnn_spans_a_b_"]


def test_layers_that_the_development_data_lack(nlp):
    tagged = sentence_pairs(nlp, tags=["A", "B", "."] * 2, ents=["B-PER", "O", "O"] * 2)
    made = make(nlp, tagged, sentence_pairs(nlp, tags=["A", "B", "."] * 2))
    weights = parse(made)["training"]["score_weights"]
    assert (
        weights["tag_acc"] == 1.0
        and weights["ents_f"] is None
        and made.layers[1].reason.endswith("The development data lack it, so it has no say in the best model.")
    )
    with pytest.raises(ValueError, match="'dev.spacy' are not annotated for any target to learn \\(tag, ents\\)"):
        make(nlp, tagged, sentence_pairs(nlp))


@pytest.mark.parametrize(
    "options,message",
    [
        ({"targets": ["ents"]}, "--components names 'ents', but the data are annotated for 'tag'"),
        ({"targets": ["tags"]}, "Did you mean 'tag'"),
        ({"optimize": "speed"}, "optimize = 'speed' is unknown"),
    ],
)
def test_bad_options(nlp, options, message):
    with pytest.raises(ValueError, match=message):
        make(nlp, sentence_pairs(nlp, tags=["A", "B", "."] * 2), **options)


def test_data_without_anything_to_learn(nlp):
    for docs, message in (
        ([], "no tokens"),
        (sentence_pairs(nlp), "nothing is annotated"),
        (sentence_pairs(nlp, tags=["X"] * 6), "tag: there is nothing to tell apart"),
    ):
        with pytest.raises(ValueError, match=message):
            make(nlp, docs)


def test_vectors_are_named_and_used(nlp):
    nlp.vocab.set_vector("Ann", numpy.ones((3,), dtype="float32"))
    made = make(nlp, sentence_pairs(nlp, tags=["A", "B", "."] * 2), vectors="my_vectors")
    config = parse(made)
    assert config["paths"]["vectors"] == "my_vectors" and "8.3 % of the training tokens" in made.text
    assert config["components"]["tok2vec"]["model"]["embed"]["include_static_vectors"] is True
    assert config["nlp"]["vectors"] == {"@vectors": "spacy.Vectors.v1"}


@pytest.mark.parametrize("lang", ["de", "he", "hi", "xx", "zh"])
def test_other_languages(lang):
    nlp = spacy.blank(lang)
    made = make(nlp, sentence_pairs(nlp, tags=["A", "B", "."] * 2))
    config = parse(made)
    assert config["nlp"]["lang"] == lang and ("jieba" in made.text) == (lang == "zh")
    assert spacy.util.load_model_from_config(config, auto_fill=False).pipe_names == ["tok2vec", "rnn_tagger"]


def test_the_split_is_a_share_and_keeps_all(nlp):
    Token.set_extension("kind", default=None, force=True)
    docs = [Doc(nlp.vocab, words=["He", "saw", str(i)], tags=["P", "V", "N"], sent_starts=[1, 0, 0]) for i in range(50)]
    for doc in docs:
        doc.spans["sc"] = [Span(doc, 2, 3, "X")]
        doc[0]._.kind = "k"
    docs += docs[:25]

    def parts(docs, share):
        return [list(part.get_docs(nlp.vocab)) for part in split_corpus(lambda: docs, share)]

    train, dev = parts(docs, 0.2)
    assert len(train) + len(dev) == 75 and 15 <= len(dev) <= 16
    assert not {doc.text for doc in train} & {doc.text for doc in dev}
    assert {doc.text for doc in parts(docs[::-1], 0.2)[1]} == {doc.text for doc in dev}
    for doc in (train[0], dev[0]):
        assert doc[2].tag_ == "N" and doc.spans["sc"][0].label_ == "X" and doc[0]._.kind == "k"
    assert [len(part) for part in parts(docs[:2], 0.01)] == [1, 1]
    assert isinstance(split_corpus(lambda: docs, 0.5)[0], DocBin)
    for share in (0, 1, -0.1, True, "0.1"):
        with pytest.raises(ValueError, match="share = .* more than 0 and less than 1"):
            split_corpus(lambda: docs, share)
    with pytest.raises(ValueError, match="2 docs with words and 1 different texts"):
        split_corpus(lambda: docs[:1] * 2, 0.5)
