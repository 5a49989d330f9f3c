"""A pipeline of random weights with all that is stored, what it says, and what lies on disk."""

import numpy
import pytest
import spacy

from .conftest import SENTENCES, make_examples, randomize, small_model

TEXTS = [text for text, *_ in SENTENCES]
OURS = ["tok2vec", "rnn_tagger", "rnn_ner", "rnn_language_model"]


def tok2vec_config():
    config = small_model(hidden_width=8)["tok2vec"]
    config["embed"]["min_freq"] = 2
    config["embed"]["chars"] = {
        "@architectures": "spacy-rnn-tagger.CharRNN.v1",
        "width": 16,
        "char_width": 8,
        "rows": 50,
    }
    return config


def make_pipeline(weights=0):
    """A shared encoder that spells words and has learned which are frequent, with three of our components and one of spaCy's
    that listen to it, all of random weights."""
    nlp = spacy.blank("en")
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16, "upstream": "tok2vec"}
    scorer = {"@architectures": "spacy-rnn-tagger.RNNTagger.v1", "tok2vec": listener}
    guesser = {"@architectures": "spacy-rnn-tagger.LanguageModel.v1", "tok2vec": listener, "width": 8, "max_size": 20}
    nlp.add_pipe("tok2vec", config={"model": tok2vec_config()})
    nlp.add_pipe("rnn_tagger", config={"model": scorer, "decoder": "crf"})
    nlp.add_pipe("rnn_ner", config={"model": scorer, "decoder": "crf"})
    nlp.add_pipe("rnn_language_model", config={"model": guesser})
    nlp.add_pipe("tagger", name="theirs", config={"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": listener}})
    examples = make_examples(nlp)
    with pytest.warns(UserWarning, match="min_freq = 2 has no effect"):
        nlp.initialize(lambda: examples)
    layers = [node for node in nlp.get_pipe("tok2vec").model.walk() if "known" in node.attrs]
    for layer in layers:
        layer.attrs.update(learned=True, known=numpy.sort(numpy.asarray([5, 2**63, 77], dtype="uint64")))
    for i, (_, pipe) in enumerate(nlp.pipeline):
        randomize(pipe.model, seed=weights + i)
    return nlp


def outputs(nlp):
    """Everything that the pipeline says, to the last bit."""
    docs = list(nlp.pipe(TEXTS))
    scored = [nlp.get_pipe(name) for name in ("rnn_tagger", "rnn_ner")]
    return (
        [doc.to_bytes() for doc in docs],
        [doc.tensor.tobytes() for doc in docs],
        [array.tobytes() for pipe in scored for array in pipe.predict_proba(docs)],
    )


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
