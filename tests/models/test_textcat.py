"""The text classifier inside spaCy's own `textcat` and `textcat_multilabel`, and the rule that stops at a loss."""

import io
import re
from copy import deepcopy

import numpy
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as run_training
from thinc.api import Config

from spacy_rnn_tagger.models.architectures.rnn_text_classifier import build_rnn_text_classifier
from spacy_rnn_tagger.models.layers.pool import pool

from ..conftest import CONFIGS, randomize, run_cli, small_model, train_cli

REVIEWS = [
    ("Great food, lovely staff", "POSITIVE"),
    ("A dull and endless film", "NEGATIVE"),
    ("I loved every minute of it", "POSITIVE"),
    ("The screen broke within a day", "NEGATIVE"),
]
WORDS = [("haus", "de"), ("straße", "de"), ("zwischen", "de"), ("maison", "fr"), ("été", "fr"), ("beaucoup", "fr")]


def classifier(exclusive=True, pooling="last", tok2vec=None, **encode):
    tok2vec = tok2vec or small_model(**encode)["tok2vec"]
    name = "spacy-rnn-tagger.RNNTextClassifier.v1"
    return {"@architectures": name, "exclusive_classes": exclusive, "pooling": pooling, "tok2vec": tok2vec}


def characters(**encode):
    embed = {"@architectures": "spacy-rnn-tagger.OneHot.v1", "max_size": 60, "attr": "CHAR", "min_freq": 1}
    encode = {"@architectures": "spacy-rnn-tagger.RNNEncoder.v1", "width": 60, "hidden_width": 12, **encode}
    return {"@architectures": "spacy-rnn-tagger.RNNTok2Vec.v1", "embed": embed, "encode": encode}


def examples_of(nlp, data):
    labels = sorted({label for _, label in data})
    return [
        Example.from_dict(nlp.make_doc(text), {"cats": {name: float(name == label) for name in labels}})
        for text, label in data
    ]


def fit(nlp, examples, steps=30):
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for _ in range(steps):
        losses = nlp.update(examples, sgd=optimizer)
    return losses


def best(doc):
    return max(doc.cats, key=doc.cats.get)


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_learns_and_reloads(nlp, pooling, bidirectional, tmp_path):
    pipe = nlp.add_pipe("textcat", config={"model": classifier(pooling=pooling, bidirectional=bidirectional)})
    examples = examples_of(nlp, REVIEWS)
    fit(nlp, examples)
    docs = list(nlp.pipe([text for text, _ in REVIEWS] + [""]))
    assert [best(doc) for doc in docs[:-1]] == [label for _, label in REVIEWS]
    assert all(sum(doc.cats.values()) == pytest.approx(1) for doc in docs)
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    for doc in docs[:-1]:
        assert again(doc.text).cats == pytest.approx(doc.cats, abs=1e-6)
    assert again.get_pipe("textcat").to_bytes() == pipe.to_bytes()
    assert nlp.evaluate(examples)["cats_score"] == 1.0


def test_many_labels_are_independent(nlp):
    pipe = nlp.add_pipe("textcat_multilabel", config={"model": classifier(exclusive=False, pooling="mean")})
    gold = [
        ("I like food", {"FOOD": 1.0, "GOOD": 1.0}),
        ("bad food", {"FOOD": 1.0, "GOOD": 0.0}),
        ("rain", {"FOOD": 0.0, "GOOD": 0.0}),
    ]
    examples = [Example.from_dict(nlp.make_doc(text), {"cats": cats}) for text, cats in gold]
    fit(nlp, examples, steps=60)
    for text, cats in gold:
        assert {label for label, score in nlp(text).cats.items() if score > 0.5} == {k for k, v in cats.items() if v}
    assert pipe.model.attrs["multi_label"]
    # The gradient at the scores is that of the cross-entropy, not dampened by the sigmoid's slope.
    output = pipe.model.layers[-1]
    _, backprop = output.begin_update(numpy.full((1, 2), 9.0, dtype="float32"))
    assert backprop(numpy.ones((1, 2), dtype="float32")).tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_pooling(pooling):
    rng = numpy.random.default_rng(0)
    Xs = [rng.normal(size=(n, 4)).astype("float32") for n in (3, 0, 1, 5)]
    Y, backprop = pool(pooling, bidirectional=True).begin_update(Xs)
    pick = {
        "last": lambda X: numpy.concatenate((X[-1, :2], X[0, 2:])),
        "mean": lambda X: X.mean(axis=0),
        "max": lambda X: X.max(axis=0),
    }
    expected = [pick[pooling](X) if len(X) else numpy.zeros(4) for X in Xs]
    assert numpy.allclose(Y, expected, atol=1e-6)
    dY = rng.normal(size=Y.shape).astype("float32")
    dXs = backprop(dY)
    for X, dX, d in zip(Xs, dXs, dY):
        assert dX.shape == X.shape
        for index in numpy.ndindex(X.shape):
            moved = X.astype("float64")
            moved[index] += 1e-4
            change = (pick[pooling](moved) - pick[pooling](X.astype("float64"))) / 1e-4
            assert dX[index] == pytest.approx(change @ d, abs=1e-3)


def test_pooling_of_nothing():
    model = pool("max", bidirectional=False)
    Y, backprop = model.begin_update([numpy.zeros((0, 4), dtype="float32")] * 2)
    assert Y.shape == (2, 4) and not Y.any()
    assert [dX.shape for dX in backprop(Y)] == [(0, 4), (0, 4)]


def test_empty_docs_neither_fail_nor_change_their_neighbours(nlp):
    pipe = nlp.add_pipe("textcat", config={"model": classifier()})
    examples = examples_of(nlp, [*REVIEWS, ("", "POSITIVE")])
    fit(nlp, examples, steps=3)
    randomize(pipe.model)
    alone = nlp(REVIEWS[0][0]).cats
    docs = list(nlp.pipe(["", REVIEWS[0][0], "", REVIEWS[1][0] * 5]))
    assert docs[1].cats == pytest.approx(alone, abs=1e-6)
    assert all(numpy.isfinite(list(doc.cats.values())).all() for doc in docs)
    nlp.update(examples_of(nlp, [("", "POSITIVE"), ("", "NEGATIVE")]), sgd=nlp.create_optimizer())


@pytest.mark.parametrize("pooling", ["last", "max"])
def test_listens_to_a_shared_tok2vec(nlp, pooling):
    nlp.add_pipe("tok2vec", config={"model": small_model()["tok2vec"]})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16}
    config = {**classifier(pooling=pooling, tok2vec=listener), "bidirectional": True}
    pipe = nlp.add_pipe("textcat", config={"model": config})
    examples = examples_of(nlp, REVIEWS)
    optimizer = nlp.initialize(lambda: examples)
    upstream = nlp.get_pipe("tok2vec").model
    before = upstream.to_bytes()
    optimizer.learn_rate = 0.01
    for _ in range(40):
        nlp.update(examples, sgd=optimizer)
    assert [best(nlp(text)) for text, _ in REVIEWS] == [label for _, label in REVIEWS]
    assert upstream.to_bytes() != before
    expected = nlp(REVIEWS[0][0]).cats
    nlp.replace_listeners("tok2vec", "textcat", ["model.tok2vec"])
    assert nlp(REVIEWS[0][0]).cats == pytest.approx(expected, abs=1e-6)
    assert pipe.model.get_ref("tok2vec") is not None


def test_asks_the_model_for_its_direction():
    registry = spacy.registry
    for bidirectional in (True, False):
        model = registry.resolve({"m": classifier(bidirectional=bidirectional)})["m"]
        assert model.layers[1].attrs["bidirectional"] is bidirectional


def test_labels_can_be_added_to_a_trained_classifier(nlp):
    pipe = nlp.add_pipe("textcat", config={"model": classifier()})
    fit(nlp, examples_of(nlp, REVIEWS))
    text = REVIEWS[0][0]
    before = nlp(text).cats
    pipe.add_label("NEUTRAL")
    after = nlp(text).cats
    assert list(after) == [*before, "NEUTRAL"]
    assert {label: after[label] for label in before} == pytest.approx(before, abs=1e-2)
    copy = deepcopy(pipe.model)
    copy.attrs["resize_output"](copy, 4)
    assert (copy.get_dim("nO"), pipe.model.get_dim("nO")) == (4, 3)
    fit_more = examples_of(nlp, [*REVIEWS, ("It is a chair", "NEUTRAL")])
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01
    for _ in range(150):
        nlp.update(fit_more, sgd=optimizer)
    assert best(nlp("It is a chair")) == "NEUTRAL"


@pytest.mark.parametrize("bidirectional", [False, True])
def test_language_of_a_word_by_its_characters(nlp, bidirectional):
    """Sequences of unequal length, each from `<sos>` to `<eos>`."""
    nlp.add_pipe("textcat", config={"model": classifier(tok2vec=characters(bidirectional=bidirectional))})
    examples = examples_of(nlp, WORDS)
    with pytest.warns(UserWarning, match="learn_vocabulary"):
        fit(nlp, examples, steps=60)
    assert [best(nlp(word)) for word, _ in WORDS] == [language for _, language in WORDS]
    together = [doc.cats for doc in nlp.pipe([word for word, _ in WORDS])]
    for (word, _), cats in zip(WORDS, together):
        assert nlp(word).cats == pytest.approx(cats, abs=1e-6)


@pytest.mark.parametrize(
    "settings,message", [({"pooling": "first"}, "allowed: 'last', 'mean', 'max'"), ({"nO": 0}, "nO = 0")]
)
def test_bad_settings(settings, message):
    tok2vec = spacy.registry.resolve({"t": small_model()["tok2vec"]})["t"]
    with pytest.raises(ValueError, match=message):
        build_rnn_text_classifier(tok2vec, exclusive_classes=True, **settings)


def write_words(path):
    vocab = spacy.blank("xx").vocab
    docs = []
    for word, language in WORDS:
        doc = Doc(vocab, words=[word], spaces=[False])
        doc.cats = {name: float(name == language) for name in ("de", "fr")}
        docs.append(doc)
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


@pytest.fixture
def words_config(tmp_path):
    path = str(write_words(tmp_path / "words.spacy"))
    settings = {"paths.train": path, "paths.dev": path, "training.eval_frequency": 5, "training.max_epochs": 200}
    (tmp_path / "out").mkdir()
    return lambda **more: Config().from_disk(CONFIGS / "source_words.cfg", overrides={**settings, **more})


def test_training_ends_below_a_loss(words_config, tmp_path):
    nlp = init_nlp(words_config(**{"training.logger.threshold": 0.05}))
    out = io.StringIO()
    run_training(nlp, tmp_path / "out", stdout=out)
    steps = [int(line.split()[1]) for line in out.getvalue().splitlines() if re.match(r"\s+\d+\s+\d+\s", line)]
    assert steps[-1] < 199, "the rule did not end it"
    assert f"below 0.05: training ends at step {steps[-1]}" in out.getvalue()
    assert "Saved pipeline to output directory" in out.getvalue()
    for name in ("model-best", "model-last"):
        assert spacy.load(tmp_path / "out" / name)("haus").cats
    loss = float(out.getvalue().split("Loss ")[1].split()[0])
    assert 0 < loss < 0.05


def test_training_goes_on_above_the_loss(words_config, tmp_path):
    nlp = init_nlp(words_config(**{"training.logger.threshold": 1e-9, "training.max_epochs": 12}))
    out = io.StringIO()
    run_training(nlp, tmp_path / "out", stdout=out)
    assert "training ends" not in out.getvalue() and "Saved pipeline" in out.getvalue()


@pytest.mark.parametrize(
    "overrides,message",
    [
        ({"training.patience": 0}, r"\[training\] patience = 0"),
        ({"training.logger.component": "textcta"}, "Did you mean 'textcat'"),
        ({"training.logger.per": "doc"}, "allowed: 'word', 'step'"),
        ({"training.logger.threshold": 0.0}, "above 0"),
    ],
)
def test_stopping_rule_refuses_what_cannot_work(words_config, overrides, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        nlp = init_nlp(words_config(**overrides))
        run_training(nlp, tmp_path / "out", stdout=io.StringIO())


@pytest.mark.slow
def test_command_line_ends_well(tmp_path):
    path = write_words(tmp_path / "words.spacy")
    overrides = {
        "paths.train": path,
        "paths.dev": path,
        "training.eval_frequency": 5,
        "training.logger.threshold": 0.05,
    }
    printed = train_cli(CONFIGS / "source_words.cfg", tmp_path / "out", overrides)
    assert "training ends at step" in printed and "Saved pipeline" in printed
    assert run_cli("-m", "spacy", "evaluate", tmp_path / "out" / "model-best", path).returncode == 0
