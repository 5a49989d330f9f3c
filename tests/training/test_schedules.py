"""Learning rates, and the three ways to train on: resuming, fine-tuning on other data, adding a label."""

from itertools import islice

import numpy
import pytest
import spacy
from spacy.training import Example
from spacy.util import load_config, registry

from spacy_rnn_tagger.training.schedules import make_warmup_linear

from ..conftest import CONFIGS, make_examples, small_model

NEW = [("We saw Mount Everest.", "O O B-LOC L-LOC O"), ("Everest is in Nepal.", "U-LOC O O U-GPE O")]
OURS = ["rnn_tagger_accuracy.cfg", "rnn_tagger_efficiency.cfg", "rnn_tagger_smoke.cfg"]


def test_rates_rise_and_fall_in_straight_lines():
    rates = list(islice(make_warmup_linear(2.0, 4, 8, start=0.5), 12))
    assert rates == [1.0, 1.25, 1.5, 1.75, 2.0, 1.5, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "change,message",
    [
        ({"start": 0}, "start = 0 is not allowed; it must be a number above 0, at most 1"),
        ({"start": 1.5}, "start = 1.5"),
        ({"initial_rate": -1.0}, "initial_rate = -1.0"),
        ({"warmup_steps": 0}, "warmup_steps = 0"),
        ({"total_steps": 10}, "total_steps = 10 is not allowed; it must be more than warmup_steps = 10"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        make_warmup_linear(**{"initial_rate": 0.1, "warmup_steps": 10, "total_steps": 20, **change})


@pytest.mark.parametrize("name", OURS)
def test_no_recipe_begins_at_rate_zero(name):
    optimizer = load_config(CONFIGS / name, interpolate=True)["training"]["optimizer"]
    assert registry.resolve({"optimizer": optimizer})["optimizer"].learn_rate > 0


def make_trained(recipe):
    """A pipeline whose config has the optimizer of a recipe, trained by hand at a higher rate."""
    nlp = spacy.blank("en")
    nlp.config["training"]["optimizer"] = load_config(CONFIGS / recipe, interpolate=True)["training"]["optimizer"]
    nlp.add_pipe("rnn_ner", config={"model": small_model()})
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for _ in range(40):
        nlp.update(examples, sgd=optimizer)
    return nlp, examples


def losses_of(nlp, examples, sgd, n):
    return [nlp.update(examples, sgd=sgd)["rnn_ner"] for _ in range(n)]


def new_examples(nlp):
    return [Example.from_dict(nlp.make_doc(text), {"entities": ents.split()}) for text, ents in NEW]


@pytest.mark.parametrize("recipe", OURS)
def test_a_resumed_training_learns(recipe, tmp_path):
    nlp, examples = make_trained(recipe)
    nlp.to_disk(tmp_path / "model")
    nlp = spacy.load(tmp_path / "model")
    optimizer = nlp.resume_training()
    losses = losses_of(nlp, examples, optimizer, 20)
    assert losses[-1] < 0.9 * losses[0]


def test_fine_tuning_on_other_data_keeps_what_was_learned_by_rehearsal():
    nlp, examples = make_trained(OURS[2])
    old = [[(ent.text, ent.label_) for ent in nlp(eg.text).ents] for eg in examples]
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.005
    for _ in range(40):
        nlp.update(new_examples(nlp)[1:], sgd=optimizer)
        nlp.rehearse(examples, sgd=optimizer)
    assert ("Nepal", "GPE") in [(ent.text, ent.label_) for ent in nlp(NEW[1][0]).ents]
    assert [[(ent.text, ent.label_) for ent in nlp(eg.text).ents] for eg in examples] == old


def test_a_label_that_is_added_is_learned_and_the_others_stay():
    nlp, examples = make_trained(OURS[2])
    ner = nlp.get_pipe("rnn_ner")
    before = ner.predict_proba([nlp.make_doc(eg.text) for eg in examples])
    ner.add_label("LOC")
    after = ner.predict_proba([nlp.make_doc(eg.text) for eg in examples])
    for old, new in zip(before, after, strict=True):
        numpy.testing.assert_allclose(new[:, : old.shape[1]], old, atol=1e-3)
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01
    for _ in range(60):
        nlp.update([*new_examples(nlp), *examples], sgd=optimizer)
    assert [(ent.text, ent.label_) for ent in nlp(NEW[0][0]).ents] == [("Mount Everest", "LOC")]
    assert [(ent.text, ent.label_) for ent in nlp("Anna Berg works in New York.").ents] == [
        ("Anna Berg", "PERSON"),
        ("New York", "GPE"),
    ]


def test_learning_at_rate_zero_is_warned_of():
    nlp, examples = make_trained(OURS[2])
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.0
    nlp.update(examples, sgd=optimizer)  # the first step of a schedule that begins at 0
    with pytest.warns(
        UserWarning, match=r"component 'rnn_ner' learns nothing: the optimizer's learn rate is 0.*step_schedules"
    ) as caught:
        for _ in range(3):
            nlp.update(examples, sgd=optimizer)
    assert len(caught) == 1
