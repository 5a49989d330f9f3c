"""Whole pipelines trained by arrays: as by PyTorch, and where PyTorch is not installed."""

import copy
import re

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.tokens import DocBin
from spacy.training import Example
from thinc.api import fix_random_seed

from spacy_rnn_tagger.pipeline.factories import DEFAULT_MODEL
from spacy_rnn_tagger.recurrence import array_training, torch_engine

from ..conftest import CONFIGS, ROOT, make_examples, run_cli, small_model, train_cli

ENCODE = {"@architectures": "spacy-rnn-tagger.RNNEncoder.v1", "width": 16, "hidden_width": 12, "depth": 2}
CHARS = {"@architectures": "spacy-rnn-tagger.CharRNN.v1", "width": 12, "char_width": 8, "cell": "gru"}
SYMBOLS = {"max_size": 40, "attr": "LOWER", "min_freq": 1}
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 24}
EMBEDS = {
    "characters": {**small_model()["tok2vec"]["embed"], "word_dropout": 0.2, "chars": CHARS},
    "one-hot": {"@architectures": "spacy-rnn-tagger.OneHot.v1", **SYMBOLS},
    "symbols": {"@architectures": "spacy-rnn-tagger.SymbolEmbed.v1", "width": 16, **SYMBOLS},
}


def make_pipeline(engine, embed):
    """A shared encoder, a tagger, entities by a CRF, a language model, and a text classifier of its own."""
    nlp = spacy.blank("en")
    encode = {**ENCODE, "width": 40 if embed == "one-hot" else 16, "engine": engine}
    layers = copy.deepcopy(EMBEDS[embed])
    if embed == "characters":
        layers["chars"]["engine"] = engine
    tok2vec = {"@architectures": "spacy-rnn-tagger.RNNTok2Vec.v1", "embed": layers, "encode": encode}
    nlp.add_pipe("tok2vec", config={"model": copy.deepcopy(tok2vec)})
    tagger = {"@architectures": "spacy-rnn-tagger.RNNTagger.v1", "tok2vec": LISTENER}
    nlp.add_pipe("rnn_tagger", config={"model": tagger})
    nlp.add_pipe("rnn_ner", config={"model": tagger, "decoder": "crf"})
    words = {"@architectures": "spacy-rnn-tagger.LanguageModel.v1", "width": 8, "max_size": 50, "min_freq": 1}
    nlp.add_pipe("rnn_language_model", config={"model": {**words, "tok2vec": LISTENER}})
    texts = {"@architectures": "spacy-rnn-tagger.RNNTextClassifier.v1", "exclusive_classes": True}
    nlp.add_pipe("textcat", config={"model": {**texts, "tok2vec": tok2vec}})
    return nlp


def curve(engine, embed, n_steps=12):
    """The losses of some steps with dropout."""
    fix_random_seed(3)
    nlp = make_pipeline(engine, embed)
    examples = make_examples(nlp)
    for i, example in enumerate(examples):
        example.reference.cats = {"EVEN": float(i % 2 == 0), "ODD": float(i % 2)}
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.005
    losses = []
    for step in range(n_steps):
        chosen = examples[step % 2 :]
        losses.append(nlp.update(chosen, sgd=optimizer, drop=0.2))
    return losses


@pytest.mark.filterwarnings("ignore:.*the vocabulary has only")
@pytest.mark.parametrize("embed", EMBEDS)
def test_training_curves_are_equal(embed):
    """Adam makes steps of the same length of any gradient, so that one that is nearly 0 may be of another sign in the
    last digit: losses agree to the last digit at first, and nearly after that."""
    losses, expected = curve("auto", embed), curve("torch", embed)
    for step, (ours, theirs) in enumerate(zip(losses, expected, strict=True)):
        assert set(ours) == {"tok2vec", "rnn_tagger", "rnn_ner", "rnn_language_model", "textcat"}
        for name, loss in theirs.items():
            assert ours[name] == pytest.approx(loss, rel=1e-5 if step < 3 else 2e-2), (step, name)
    assert losses[-1]["rnn_tagger"] < 0.97 * losses[1]["rnn_tagger"]


@pytest.mark.filterwarnings("ignore:.*the vocabulary has only")
@pytest.mark.parametrize("engine", ["array", "auto", "torch"])
@pytest.mark.parametrize("embed", EMBEDS)
def test_every_layer_is_trained_by_the_engine_that_is_asked_for(monkeypatch, engine, embed):
    calls = {"array": 0, "torch": 0}

    def counted(name, begin_update):
        def count(*args, **kwargs):
            calls[name] += 1
            return begin_update(*args, **kwargs)

        return count

    monkeypatch.setattr(array_training, "begin_update", counted("array", array_training.begin_update))
    monkeypatch.setattr(torch_engine, "begin_update", counted("torch", torch_engine.begin_update))
    nlp = make_pipeline(engine, embed)
    examples = make_examples(nlp)
    for example in examples:
        example.reference.cats = {"A": 1.0, "B": 0.0}
    optimizer = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=optimizer)
    nlp.get_pipe("textcat").rehearse(examples, sgd=optimizer)
    name, other = ("torch", "array") if engine == "torch" else ("array", "torch")
    assert calls[name] > 0 and calls[other] == 0


def test_old_configs_are_trained_by_torch_and_new_ones_by_what_is_there():
    assert small_model()["tok2vec"]["encode"].get("engine") is None
    assert 'engine = "auto"' in DEFAULT_MODEL
    for path in CONFIGS.glob("rnn_tagger_*.cfg"):
        text = path.read_text(encoding="utf8")
        assert len(re.findall('^engine = "auto"$', text, flags=re.M)) == len(
            re.findall("spacy-rnn-tagger.(?:RNNEncoder|CharRNN).v1", text)
        )
    pipe = spacy.blank("en").add_pipe("tagger", config={"model": {"tok2vec": small_model()["tok2vec"]}})
    (layer,) = [node for node in pipe.model.walk() if "cell" in node.attrs]
    assert layer._func.keywords["engine"] == "torch"


WITHOUT = """
import sys
sys.modules["torch"] = None  # as if it were not installed
from pathlib import Path
import spacy
from spacy.cli.train import train
from spacy.training import Example
config, corpus, output = sys.argv[1:]
settings = {"paths.train": corpus, "paths.dev": corpus, "training.max_steps": 6, "training.eval_frequency": 3}
train(Path(config), Path(output), overrides=settings)
nlp = spacy.load(Path(output) / "model-last")
doc = nlp("I like London.")
example = Example.from_dict(nlp.make_doc("I like it."), {"tags": ["PRP", "VBP", "PRP", "."]})
optimizer = nlp.resume_training()
nlp.update([example], sgd=optimizer)
# Components that share a tok2vec cannot be rehearsed one by one.
for name in ("rnn_tagger", "rnn_morphologizer", "rnn_ner"):
    if name in nlp.pipe_names:
        nlp.replace_listeners("tok2vec", name, ["model.tok2vec"])
optimizer = nlp.resume_training()
nlp.rehearse([example], sgd=optimizer)
assert sys.modules["torch"] is None
print("tags:", len([token for token in doc if token.tag_ or token.pos_]))
"""


@pytest.mark.parametrize("name", ["rnn_tagger_accuracy", "rnn_tagger_smoke"])
def test_training_works_without_torch(tmp_path, name):
    corpus = tmp_path / "toy.spacy"
    DocBin(docs=[eg.reference for eg in make_examples(spacy.blank("en"))]).to_disk(corpus)
    done = run_cli("-c", WITHOUT, CONFIGS / f"{name}.cfg", corpus, tmp_path / "out", PYTHONSAFEPATH="1")
    assert done.stdout.splitlines()[-1:] == ["tags: 4"], done.stdout + done.stderr
    assert (tmp_path / "out" / "model-best").is_dir()


def test_the_commands_train_without_torch(tmp_path):
    """`spacy train` on the config that `rnn init-config` writes, both in processes that cannot import PyTorch."""
    hidden, config, output = tmp_path / "hidden", tmp_path / "config.cfg", tmp_path / "out"
    hidden.mkdir()
    (hidden / "torch.py").write_text("raise ImportError('PyTorch is hidden')\n", encoding="utf8")
    corpus = tmp_path / "toy.spacy"
    DocBin(docs=[eg.reference for eg in make_examples(spacy.blank("en")) * 10]).to_disk(corpus)
    arguments = ("rnn", "init-config", corpus, "--split-dev", "0.3", "-o", config)
    done = run_cli("-m", "spacy", *arguments, PYTHONPATH=str(hidden))
    assert done.returncode == 0, done.stdout + done.stderr
    text = config.read_text(encoding="utf8")
    assert text.count('engine = "auto"') == text.count("RNNEncoder.v1") + text.count("CharRNN.v1") > 0
    steps = {"training.max_steps": 4, "training.eval_frequency": 2}
    train_cli(config, output, steps, PYTHONPATH=str(hidden))
    assert (output / "model-best").is_dir()
    text = text.replace('engine = "auto"', 'engine = "torch"')
    config.write_text(text, encoding="utf8")
    printed = train_cli(config, output, steps, check=False, PYTHONPATH=str(hidden))
    assert "needs PyTorch for training with engine = 'torch'" in " ".join(printed.split())


@pytest.mark.parametrize("page", ["README.md", "docs/training.md"])
def test_the_examples_of_the_pages_need_no_torch(page):
    text = (ROOT / page).read_text(encoding="utf8")
    assert "`pip install spacy-rnn-tagger`" in text
    example = re.findall(r"```python\n(.*?)```", text, flags=re.S)[0]
    done = run_cli("-c", "import sys; sys.modules['torch'] = None\n" + example, PYTHONSAFEPATH="1")
    assert "('Agra Fort', 'FAC'" in done.stdout, done.stderr


def test_weights_are_saved_as_before_and_load_under_another_engine(nlp):
    """The engine is the config's alone: no weights' file knows of it."""
    pipes = [
        spacy.blank("en").add_pipe("rnn_tagger", config={"model": small_model(engine=engine)})
        for engine in ("torch", "array")
    ]
    pipes[0].initialize(lambda: make_examples(nlp), nlp=nlp)
    data = pipes[0].model.to_bytes()
    pipes[1].initialize(lambda: make_examples(nlp), nlp=nlp)
    assert pipes[1].model.from_bytes(data).to_bytes() == data
    assert b"engine" not in data
    example = Example.from_dict(nlp.make_doc("I like ham"), {"tags": ["PRP", "VBP", "NN"]})
    found = []
    for pipe in pipes:
        scores, backprop = pipe.model.begin_update([example.predicted])
        backprop([numpy.ones_like(score) for score in scores])
        found.append([node.get_grad(name) for node in pipe.model.walk() for name in node.grad_names])
    for a, b in zip(*found, strict=True):
        assert_allclose(a, b, atol=1e-5)
