"""A component and the pipeline around it: what does not fit is said before anything is trained."""

import warnings

import pytest
import spacy

from spacy_rnn_tagger.pipeline.pipeline_checks import check_score_weights

from ..conftest import make_examples, small_model

LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16, "upstream": "*"}


def listening(width=16, upstream="*"):
    return {
        "@architectures": "spacy-rnn-tagger.RNNTagger.v1",
        "tok2vec": {**LISTENER, "width": width, "upstream": upstream},
    }


@pytest.mark.parametrize("factory", ["rnn_ner", "rnn_language_model"])
def test_a_listener_without_an_upstream_component_is_explained(nlp, factory):
    if factory == "rnn_ner":
        nlp.add_pipe("rnn_ner", config={"model": listening(upstream="shared")})
    else:
        nlp.add_pipe("rnn_ner", config={"model": small_model()})
        nlp.add_pipe("rnn_language_model")
    examples = make_examples(nlp)
    with pytest.raises(
        ValueError, match=rf"component '{factory}': its model listens to '(shared|\*)', but the pipeline has no"
    ):
        nlp.initialize(lambda: examples)


def test_a_listener_of_another_width_is_explained(nlp):
    nlp.add_pipe("tok2vec", config={"model": small_model()["tok2vec"]})
    nlp.add_pipe("rnn_tagger", config={"model": listening(width=24)})
    examples = make_examples(nlp)
    message = (
        r"component 'rnn_tagger': its model listens for vectors of width 24, but component 'tok2vec' gives .* width 16"
    )
    with pytest.raises(ValueError, match=message):
        nlp.initialize(lambda: examples)


def training_config(nlp, **weights):
    nlp.config["paths"] = {"train": "train.spacy"}
    nlp.config["training"]["score_weights"] = weights


def test_scores_of_absent_components_are_left_out(nlp):
    tagger = nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    training_config(nlp, tag_acc=0.4, ents_f=0.6, ents_p=0.0, ents_per_type=None, my_own=0.0, speed=0.0)
    with pytest.warns(
        UserWarning, match=r"score_weights\] ents_f = 0.6, ents_p = 0.0: .*\(rnn_tagger\) produces these scores"
    ):
        check_score_weights(nlp, "rnn_tagger", tagger.target)
    weights = nlp.config["training"]["score_weights"]
    absent = dict.fromkeys(["ents_f", "ents_p", "ents_per_type"])
    assert weights == {"tag_acc": 1.0, "my_own": 0.0, "speed": 0.0, **absent}  # None is no column of the table
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_score_weights(nlp, "rnn_tagger", tagger.target)


@pytest.mark.parametrize("given", [{"tag_acc": None, "pos_acc": 1.0}, {"pos_acc": 0.5}])
def test_the_default_score_of_a_factory_is_left_out_for_another_target(nlp, given):
    tagger = nlp.add_pipe("rnn_tagger", config={"model": small_model(), "target": "pos"})
    training_config(nlp, **given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_score_weights(nlp, "rnn_tagger", tagger.target)
    assert nlp.config["training"]["score_weights"] == {"tag_acc": None, "pos_acc": 1.0}


def test_scores_of_present_components_stay(nlp):
    tagger = nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    nlp.add_pipe("entity_ruler")
    given = {"tag_acc": 0.5, "ents_f": 0.5, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None}
    training_config(nlp, **given)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_score_weights(nlp, "rnn_tagger", tagger.target)
    assert nlp.config["training"]["score_weights"] == given


@pytest.mark.parametrize("method", ["initialize", "assemble"])
def test_a_pipeline_without_data_says_what_to_do(nlp, method):
    nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    message = r"component 'rnn_tagger': the pipeline is initialized without training data.*initialize.components"
    with pytest.raises(ValueError, match=message):
        nlp.initialize()
    nlp.config["initialize"]["components"]["rnn_tagger"] = {"labels": ["NN", "VB"]}
    nlp.initialize()
    assert nlp("a b")[0].tag_ in ("NN", "VB")


def test_updating_before_initialize_says_so(nlp):
    for factory in ("rnn_tagger", "rnn_ner"):
        nlp.add_pipe(factory, config={"model": small_model()})
    examples = make_examples(nlp)
    doc = nlp.make_doc("a")
    for name, pipe in nlp.pipeline:
        for method, given in ((pipe.update, examples), (pipe.__call__, doc), (pipe.predict_proba, [doc])):
            with pytest.raises(ValueError, match=rf"component '{name}' has no weights yet; call nlp.initialize"):
                method(given)


def test_names_of_sourced_and_renamed_components_are_those_of_their_scores():
    """Probabilities of two components are kept apart, whatever they were called before."""
    source = spacy.blank("en")
    ner = source.add_pipe("rnn_ner", config={"model": small_model(), "store_scores": True})
    examples = make_examples(source)
    source.initialize(lambda: examples)
    ner.label_bias = {"PERSON": 2.0}
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_ner", name="ner_a", source=source)
    assert nlp.get_pipe("ner_a").scores_key == "ner_a"
    copied = spacy.blank("en").from_config(source.config).from_bytes(source.to_bytes())
    copied.get_pipe("rnn_ner").label_bias = {"GPE": 2.0}
    copied.get_pipe("rnn_ner").overwrite = True
    nlp.add_pipe("rnn_ner", name="ner_b", source=copied)
    doc = nlp("Anna Berg works in New York.")
    assert {"ner_a", "ner_b"} <= set(doc.spans)
    assert [span._.ner_a_score for span in doc.spans["ner_a"]] == doc.spans["ner_a"].attrs["scores"].tolist() != []
    nlp.rename_pipe("ner_b", "ner_c")
    doc = nlp("Anna Berg works in New York.")
    assert {"ner_a", "ner_c"} == set(doc.spans)
    assert [span._.ner_c_score for span in doc.spans["ner_c"]] == doc.spans["ner_c"].attrs["scores"].tolist() != []


def test_updating_a_listener_without_the_component_that_it_listens_to_is_explained(nlp):
    nlp.add_pipe("tok2vec", config={"model": small_model()["tok2vec"]})
    nlp.add_pipe("rnn_tagger", config={"model": listening()})
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=optimizer)
    with pytest.raises(ValueError, match="updated without it: update both, .*nlp.replace_listeners"):
        nlp.update(examples, sgd=optimizer, exclude=["tok2vec"])
    nlp.update(examples, sgd=optimizer)
    nlp.replace_listeners("tok2vec", "rnn_tagger", ["model.tok2vec"])
    assert nlp.update(examples, sgd=optimizer, exclude=["tok2vec"])["rnn_tagger"] > 0
