"""The components among other components: listeners, frozen, annotating, rehearsed, averaged, in threads and
processes."""

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Example

from ..conftest import CONFIGS, make_examples, randomize, small_model, train, train_cli

LISTENER = {
    "@architectures": "spacy-rnn-tagger.RNNTagger.v1",
    "tok2vec": {"@architectures": "spacy.Tok2VecListener.v1", "width": 16, "upstream": "tok2vec"},
}


def shared(nlp, upstream=None):
    """A shared tok2vec with a tagger and an entity recogniser listening."""
    nlp.add_pipe("tok2vec", config={"model": upstream or small_model()["tok2vec"]})
    nlp.add_pipe("rnn_tagger", config={"model": LISTENER})
    nlp.add_pipe("rnn_ner", config={"model": LISTENER})
    return nlp


HASH_CNN = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "width": 16,
    "depth": 1,
    "embed_size": 100,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
    "pretrained_vectors": None,
}


@pytest.mark.parametrize("upstream", [None, HASH_CNN], ids=["ours", "spaCy's CNN"])
def test_listeners_train_a_shared_tok2vec(nlp, upstream):
    shared(nlp, upstream)
    examples = make_examples(nlp)
    train(nlp, examples, steps=80)
    scores = nlp.evaluate(examples)
    assert scores["tag_acc"] == scores["ents_f"] == 1.0


def test_the_last_listener_without_gold_still_passes_the_gradient_on(nlp):
    shared(nlp)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    bare = [Example.from_dict(nlp.make_doc(eg.text), {"tags": [t.tag_ for t in eg.y]}) for eg in examples]
    assert not bare[0].y.has_annotation("ENT_IOB")
    before = nlp.get_pipe("tok2vec").model.to_bytes()
    for _ in range(2):  # spaCy applies an upstream gradient with the next batch's
        nlp.update(bare, sgd=optimizer)
    assert nlp.get_pipe("tok2vec").model.to_bytes() != before


def test_doc_tensors_are_left_alone(nlp):
    shared(nlp)
    examples = make_examples(nlp)
    train(nlp, examples, steps=2)
    doc = nlp.get_pipe("tok2vec")(nlp.make_doc("I like London."))
    before = doc.tensor.copy()
    for name in ("rnn_tagger", "rnn_ner"):
        nlp.get_pipe(name)(doc)
    assert (doc.tensor == before).all() and before.any()


def test_an_encoder_that_listens_leaves_doc_tensors_alone(nlp):
    nlp.add_pipe("tok2vec", config={"model": small_model()["tok2vec"]})
    stacked = {
        "@architectures": "spacy-rnn-tagger.RNNTagger.v1",
        "tok2vec": {
            "@architectures": "spacy-rnn-tagger.RNNTok2Vec.v1",
            "embed": LISTENER["tok2vec"],
            "encode": {"@architectures": "spacy-rnn-tagger.RNNEncoder.v1", "width": 16},
        },
    }
    nlp.add_pipe("rnn_tagger", config={"model": stacked})
    examples = make_examples(nlp)
    train(nlp, examples)
    doc = nlp.get_pipe("tok2vec")(nlp.make_doc("I like London."))
    before = doc.tensor.copy()
    nlp.get_pipe("rnn_tagger")(doc)
    assert (doc.tensor == before).all()
    assert nlp.evaluate(examples)["tag_acc"] == 1.0


def test_replace_listeners_changes_no_prediction(nlp):
    shared(nlp)
    examples = make_examples(nlp)
    train(nlp, examples)
    doc = nlp("Anna Berg likes New York.")
    before = nlp.get_pipe("rnn_ner").model.predict([doc])[0]
    nlp.replace_listeners("tok2vec", "rnn_ner", ["model.tok2vec"])
    after = nlp.get_pipe("rnn_ner").model.predict([nlp.make_doc(doc.text)])[0]
    numpy.testing.assert_allclose(before, after, atol=1e-5)
    ids = [node.id for pipe in ("tok2vec", "rnn_ner") for node in nlp.get_pipe(pipe).model.walk() if node.param_names]
    assert len(ids) == len(set(ids))
    nlp.update(examples, sgd=nlp.resume_training())


def test_source_into_another_pipeline(nlp):
    nlp.add_pipe("rnn_ner", config={"model": small_model()})
    examples = make_examples(nlp)
    train(nlp, examples)
    other = spacy.blank("en")
    other.add_pipe("rnn_ner", source=nlp, name="theirs")
    assert [(e.text, e.label_) for e in other("Anna Berg likes New York.").ents] == [
        (e.text, e.label_) for e in nlp("Anna Berg likes New York.").ents
    ]


def weights(model):
    """Every allocated weight: the optimizer's key of it, and its layer."""
    return [((node.id, name), node) for node in model.walk() for name in node.param_names if node.has_param(name)]


def test_averages_reach_every_weight(nlp):
    pipe = nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.averages = {}
    for _ in range(5):
        nlp.update(examples, sgd=optimizer)
    raw = {key: node.get_param(key[1]).copy() for key, node in weights(pipe.model)}
    with nlp.use_params(optimizer.averages):
        for key, node in weights(pipe.model):
            numpy.testing.assert_allclose(node.get_param(key[1]), optimizer.averages[key])
            assert not numpy.allclose(optimizer.averages[key], raw[key], atol=1e-7)
    for key, node in weights(pipe.model):
        assert (node.get_param(key[1]) == raw[key]).all()


def test_rehearse_pulls_every_weight_back(nlp):
    pipe = nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    examples = make_examples(nlp)
    train(nlp, examples)
    optimizer = nlp.resume_training()
    optimizer.L2 = 0.0
    assert nlp.rehearse(examples, sgd=optimizer)["rnn_tagger"] < 1e-6  # nothing was forgotten yet
    randomize(pipe.model, scale=0.1)
    before = {key: node.get_param(key[1]).copy() for key, node in weights(pipe.model)}
    optimizer.learn_rate = 0.01
    first = nlp.rehearse(examples, sgd=optimizer)["rnn_tagger"]
    for key, node in weights(pipe.model):
        assert not (node.get_param(key[1]) == before[key]).all(), (node.name, key)
    for _ in range(60):
        last = nlp.rehearse(examples, sgd=optimizer)["rnn_tagger"]
    assert last < first / 4
    unchanged = pipe.model.to_bytes()
    pipe.rehearse(examples)
    assert pipe.model.to_bytes() == unchanged


def test_rehearsal_drops_as_it_is_told(nlp):
    """Without dropout, a model that has not changed says what it said; with dropout it is drawn back to that."""
    pipe = nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    examples = make_examples(nlp)
    train(nlp, examples, steps=5)
    nlp.resume_training()
    assert pipe.rehearse(examples, drop=0.0)["rnn_tagger"] < 1e-6
    assert pipe.rehearse(examples, drop=0.5)["rnn_tagger"] > 1e-3


def test_rehearse_after_a_new_label(nlp):
    pipe = nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    examples = make_examples(nlp)
    train(nlp, examples, steps=2)
    optimizer = nlp.resume_training()
    pipe.add_label("NEW")
    assert numpy.isfinite(nlp.rehearse(examples, sgd=optimizer)["rnn_tagger"])


def test_frozen_and_annotating_components(nlp, monkeypatch):
    shared(nlp)
    examples = make_examples(nlp)
    train(nlp, examples)
    frozen = nlp.get_pipe("rnn_tagger").model.to_bytes()
    optimizer = nlp.resume_training()
    ner = nlp.get_pipe("rnn_ner")
    seen = []
    monkeypatch.setattr(ner, "update", lambda examples, **kwargs: seen.extend(examples))
    nlp.update(examples, sgd=optimizer, exclude=["rnn_tagger"], annotates=["tok2vec", "rnn_tagger"])
    monkeypatch.undo()
    assert nlp.get_pipe("rnn_tagger").model.to_bytes() == frozen
    assert [t.tag_ for t in seen[0].predicted] == ["PRP", "VBP", "NNP", "."]
    tok2vec = nlp.get_pipe("tok2vec").model.to_bytes()
    nlp.update(examples, sgd=optimizer, exclude=["tok2vec", "rnn_tagger"], annotates=["tok2vec"])
    assert nlp.get_pipe("tok2vec").model.to_bytes() == tok2vec


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh", "rnn_relu"])
def test_encoder_in_spacys_own_components(nlp, cell):
    tok2vec = {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": {
            "@architectures": "spacy.MultiHashEmbed.v2",
            "width": 16,
            "attrs": ["NORM", "SHAPE"],
            "rows": [100, 50],
            "include_static_vectors": False,
        },
        "encode": {"@architectures": "spacy-rnn-tagger.RNNEncoder.v1", "width": 16, "cell": cell},
    }
    parser = {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "extra_state_tokens": False,
        "hidden_width": 16,
        "maxout_pieces": 2,
        "use_upper": True,
    }
    nlp.add_pipe("tagger", config={"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": tok2vec}})
    nlp.add_pipe("ner", config={"model": {**parser, "state_type": "ner", "tok2vec": tok2vec}})
    nlp.add_pipe(
        "parser", config={"min_action_freq": 1, "model": {**parser, "state_type": "parser", "tok2vec": tok2vec}}
    )
    nlp.add_pipe(
        "spancat",
        config={
            "model": {
                "@architectures": "spacy.SpanCategorizer.v1",
                "reducer": {"@layers": "spacy.mean_max_reducer.v1", "hidden_size": 16},
                "scorer": {"@layers": "spacy.LinearLogistic.v1"},
                "tok2vec": tok2vec,
            }
        },
    )
    nlp.add_pipe(
        "textcat",
        config={
            "model": {
                "@architectures": "spacy.TextCatEnsemble.v2",
                "tok2vec": tok2vec,
                "linear_model": {"@architectures": "spacy.TextCatBOW.v3", "exclusive_classes": True, "ngram_size": 1},
            }
        },
    )
    examples = []
    for i, eg in enumerate(make_examples(nlp)):
        n = len(eg.x)
        gold = eg.to_dict()
        gold["doc_annotation"]["cats"] = {"a": float(i % 2), "b": float(1 - i % 2)}
        gold["doc_annotation"]["spans"] = {"sc": [(0, len(eg.text), "ALL", "")]}
        gold["token_annotation"].update(HEAD=[0] * n, DEP=["ROOT"] + ["dep"] * (n - 1), SENT_START=[1] + [-1] * (n - 1))
        examples.append(Example.from_dict(nlp.make_doc(eg.text), gold))
    losses = train(nlp, examples, steps=30)
    assert all(numpy.isfinite(loss) for loss in losses.values())
    assert nlp.evaluate(examples)["tag_acc"] > 0.8
    together = [doc.tensor for doc in nlp.pipe([eg.text for eg in examples])]
    assert len(together) == len(examples)


def test_threads_give_the_results_of_one(nlp):
    nlp.add_pipe("rnn_tagger", config={"model": small_model(depth=2, dropout=0.5)})
    train(nlp, make_examples(nlp), steps=2)
    pipe = nlp.get_pipe("rnn_tagger")
    docs = [nlp.make_doc(text) for text in ("I like London.", "Ham is red ham is red ham.", "", "Anna works .")] * 3
    alone = [pipe.model.predict([doc])[0] for doc in docs]
    with ThreadPoolExecutor(8) as pool:
        for i, scores in zip(range(400), pool.map(lambda i: pipe.model.predict([docs[i % 12]])[0], range(400))):
            assert (scores == alone[i % 12]).all()


PROCESSES = """
    import multiprocessing, sys
    import spacy
    from thinc.api import set_dropout_rate

    if __name__ == "__main__":
        multiprocessing.set_start_method(sys.argv[1])
        import torch
        torch.set_num_threads(2)
        nlp = spacy.load(sys.argv[2])
        from spacy.training import Example
        eg = Example.from_dict(nlp.make_doc("I like ham ."), {"tags": ["PRP", "VBP", "NN", "."]})
        nlp.update([eg] * 50, sgd=nlp.resume_training())  # wakes PyTorch's threads up
        texts = ["I like London.", "", "Anna Berg works in New York. " * 200] * 10
        one = [[t.tag_ for t in doc] for doc in nlp.pipe(texts)]
        two = [[t.tag_ for t in doc] for doc in nlp.pipe(texts, n_process=2, batch_size=4)]
        print("same" if one == two else "different")
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_give_the_results_of_one_and_never_hang(nlp, tmp_path, method):
    pytest.importorskip("torch")
    nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    train(nlp, make_examples(nlp), steps=2)
    nlp.to_disk(tmp_path / "model")
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(PROCESSES))
    done = subprocess.run(
        [sys.executable, str(script), method, str(tmp_path / "model")], capture_output=True, text=True, timeout=200
    )
    assert done.stdout.strip() == "same", done.stderr


def test_results_do_not_depend_on_the_batch(nlp, make_docs):
    nlp.add_pipe("rnn_tagger", config={"model": small_model(depth=2)})
    train(nlp, make_examples(nlp), steps=1)
    pipe = nlp.get_pipe("rnn_tagger")
    randomize(pipe.model)
    docs = make_docs([3, 0, 1, 150, 7, 7, 2])
    together = pipe.model.predict(docs)
    for doc, scores in zip(docs, together):
        numpy.testing.assert_allclose(pipe.model.predict([doc])[0], scores, atol=1e-5)
    for doc, scores in zip(docs[::-1], pipe.model.predict(docs[::-1])):
        numpy.testing.assert_allclose(scores, together[docs.index(doc)], atol=1e-5)
    assert abs(together[3]).max() > 0.1


def test_the_same_seed_gives_the_same_weights(tmp_path):
    path = str(tmp_path / "toy.spacy")
    DocBin(docs=[eg.reference for eg in make_examples(spacy.blank("en"))]).to_disk(path)
    overrides = {"paths.train": path, "paths.dev": path, "training.max_steps": 10, "training.eval_frequency": 5}
    for seed in ("1", "2"):  # of Python's own hashes, which must not matter
        train_cli(CONFIGS / "rnn_tagger_smoke.cfg", tmp_path / seed, overrides, PYTHONHASHSEED=seed)
    for pipe in ("tok2vec", "rnn_tagger", "rnn_ner"):
        files = [(tmp_path / seed / "model-last" / pipe / "model").read_bytes() for seed in "12"]
        assert files[0] == files[1]
