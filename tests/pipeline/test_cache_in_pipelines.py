"""The lexeme cache in pipelines: listeners, training, frozen components, saving, memory zones and processes."""

import spacy
from numpy.testing import assert_allclose

from spacy_rnn_tagger.models.serving.lexeme_gates import cache_info, clear_cache

from ..conftest import make_examples, randomize, small_model, train
from ..fixtures.cached_models import check


def shared_pipeline(nlp):
    tok2vec = small_model()["tok2vec"]
    nlp.add_pipe("tok2vec", config={"model": tok2vec})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16}
    model = {"@architectures": "spacy-rnn-tagger.RNNTagger.v1", "tok2vec": listener}
    nlp.add_pipe("rnn_tagger", config={"model": model, "overwrite": True})
    nlp.add_pipe("rnn_ner", config={"model": model})
    return nlp


TEXTS = ["I like London.", "Anna Berg works in New York.", "", "They eat ham."]


def tokens_of(nlp):
    return [[(t.tag_, t.ent_iob_, t.ent_type_) for t in doc] for doc in nlp.pipe(TEXTS)]


def test_listeners_profit_and_follow_training(nlp):
    nlp = shared_pipeline(nlp)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    model = nlp.get_pipe("tok2vec").model
    optimizer.learn_rate = 0.05
    for _ in range(3):
        nlp.update(examples, sgd=optimizer, annotates=["tok2vec", "rnn_tagger"])
        tokens_of(nlp)
        check(model, [nlp.make_doc(text) for text in TEXTS])
        with nlp.use_params(optimizer.averages):
            check(model, [nlp.make_doc(text) for text in TEXTS])
    tokens_of(nlp)
    assert cache_info(model).hit_rate > 0.3


def test_gradients_collected_over_batches(nlp):
    """As with accumulate_gradient: predictions fall between backprop and the optimizer's step."""
    nlp = shared_pipeline(nlp)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    model = nlp.get_pipe("tok2vec").model
    docs = [nlp.make_doc(text) for text in TEXTS]
    optimizer.learn_rate = 0.05
    for _ in range(3):
        nlp.update(examples[:2], sgd=None)
        check(model, docs)
        nlp.update(examples[2:], sgd=None)
        check(model, docs)
        for _, pipe in nlp.pipeline:
            pipe.finish_update(optimizer)
        check(model, docs)


def test_disabled_frozen_and_reloaded_components(nlp, tmp_path):
    nlp = shared_pipeline(nlp)
    examples = make_examples(nlp)
    train(nlp, examples)
    trained = tokens_of(nlp)
    with nlp.select_pipes(disable="rnn_ner"):
        assert [[t[0] for t in doc] for doc in tokens_of(nlp)] == [[t[0] for t in doc] for doc in trained]
    nlp.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    assert tokens_of(nlp) == trained
    model = nlp.get_pipe("tok2vec").model
    cache = model.attrs["lexeme_gates"].value
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.1
    nlp.update(examples, sgd=optimizer, exclude=["tok2vec"], annotates=["tok2vec"])
    after = tokens_of(nlp)
    assert model.attrs["lexeme_gates"].value is cache  # frozen: nothing to forget
    nlp.to_disk(tmp_path)
    for loaded in (spacy.load(tmp_path), spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())):
        assert tokens_of(loaded) == after
    randomize(model)
    assert tokens_of(nlp) != after
    nlp.from_disk(tmp_path)
    assert tokens_of(nlp) == after


def test_replaced_listeners(nlp):
    nlp = shared_pipeline(nlp)
    train(nlp, make_examples(nlp))
    before = tokens_of(nlp)
    nlp.replace_listeners("tok2vec", "rnn_ner", ["model.tok2vec"])
    assert tokens_of(nlp) == before


def test_labels_added_later(nlp):
    nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    train(nlp, make_examples(nlp))
    pipe = nlp.get_pipe("rnn_tagger")
    docs = [nlp.make_doc(text) for text in TEXTS]
    before = pipe.model.predict(docs)
    pipe.add_label("NEW")
    for old, new in zip(before, pipe.model.predict(docs)):
        assert_allclose(old, new[:, : old.shape[1]], atol=1e-6)


def test_memory_zones(nlp):
    chars = {"@architectures": "spacy-rnn-tagger.CharRNN.v1", "width": 4, "char_width": 4, "rows": 20}
    config = small_model()
    config["tok2vec"]["embed"]["chars"] = chars
    nlp.add_pipe("rnn_tagger", config={"model": config})
    train(nlp, make_examples(nlp))
    model = nlp.get_pipe("rnn_tagger").model
    texts = ["Zanzibar is blue.", "I like Zanzibar.", "A brontosaurus ate it."]
    expected = [[t.tag_ for t in nlp(text)] for text in texts]
    clear_cache(model)
    for _ in range(3):
        with nlp.memory_zone():
            assert [[t.tag_ for t in doc] for doc in nlp.pipe(texts)] == expected
        assert [[t.tag_ for t in nlp(text)] for text in texts] == expected
    assert cache_info(model).misses <= 12


def test_processes(nlp):
    nlp = shared_pipeline(nlp)
    train(nlp, make_examples(nlp))
    expected = tokens_of(nlp)
    got = [[(t.tag_, t.ent_iob_, t.ent_type_) for t in doc] for doc in nlp.pipe(TEXTS * 3, n_process=2, batch_size=2)]
    assert got == expected * 3
