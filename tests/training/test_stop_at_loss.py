"""The stopping rule: which loss is a mean over what, and since when."""

import io

import pytest

from spacy_rnn_tagger.training.stop_at_loss import make_stop_at_loss

from ..conftest import small_model


def quiet(nlp, stdout, stderr):
    """A logger that writes nothing."""
    return lambda info: None, lambda: None


def ends(nlp, evaluations, **settings):
    """RETURNS (List[bool]): After which evaluations, each given as words, step and losses, training ends."""
    log, _ = make_stop_at_loss(quiet, threshold=0.5, **settings)(nlp, io.StringIO(), io.StringIO())
    found = []
    for words, step, losses in evaluations:
        checkpoints = [(0.1, 0)]
        log({"words": words, "step": step, "losses": losses, "checkpoints": checkpoints})
        found.append(len(checkpoints) == 2 and checkpoints[1][0] == float("inf"))
    return found


@pytest.mark.parametrize(
    "settings,evaluations,expected",
    [
        # Losses are those since the evaluation before, and so are the words that they are a mean over.
        ({}, [(100, 0, {"a": 110.0}), (500, 9, {"a": 220.0}), (900, 19, {"a": 199.0})], [False, False, True]),
        ({}, [(100, 0, {"a": 30.0, "b": 30.0}), (200, 1, {"a": 30.0, "b": 19.0})], [False, True]),
        ({"component": "b"}, [(100, 0, {"a": 10.0, "b": 60.0}), (200, 1, {"a": 90.0, "b": 49.0})], [False, True]),
        ({"component": "b"}, [(100, 0, {"a": 0.0})], [False]),
        ({"per": "step"}, [(100, 0, {"a": 0.6}), (200, 10, {"a": 5.2}), (300, 20, {"a": 4.9})], [False, False, True]),
        ({"per": "step"}, [(100, 0, {"a": 0.4})], [True]),  # the first evaluation is after one step
        ({}, [(100, 0, {"a": 50.0})], [False]),  # below, not at
    ],
)
def test_the_mean_is_over_what_came_since_the_last_evaluation(nlp, settings, evaluations, expected):
    for name in "ab":
        nlp.add_pipe("rnn_tagger", name=name, config={"model": small_model()})
    assert ends(nlp, evaluations, **settings) == expected


def test_it_uses_up_the_patience_and_hands_all_on_to_the_logger(nlp):
    seen = []
    nlp.config["training"]["patience"] = 7
    log, _ = make_stop_at_loss(lambda *_: (seen.append, None), threshold=0.5)(nlp, io.StringIO(), io.StringIO())
    infos = [{"words": 9, "step": 1, "losses": {"a": loss}, "checkpoints": [(0.1, 0)]} for loss in (90.0, 0.0)]
    for info in (infos[0], None, infos[1]):
        log(info)
    assert seen == [infos[0], None, infos[1]]
    assert [info["checkpoints"][1:] for info in infos] == [[], [(float("inf"), -7)]]
