"""The pipelines that are attacked: ours of every kind, and those of others, trained alike on the bundled corpus."""

from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import fix_random_seed

from scripts.corpus import read, sentences, to_doc

from .attack import OURS, PEERS

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "assets" / "corpus"
WIDTH = 32
GRID = list(product(("lstm", "gru", "rnn_tanh", "rnn_relu"), (True, False), (1, 2), ("softmax", "crf")))
"""Cell, whether it reads in both directions, depth, decoder."""
TORCH_LSTM = {
    "@architectures": "spacy.Tok2Vec.v2",
    "embed": {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": WIDTH,
        "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE"],
        "rows": [500, 250, 250, 250],
        "include_static_vectors": False,
    },
    "encode": {"@architectures": "spacy.TorchBiLSTMEncoder.v1", "width": WIDTH, "depth": 1, "dropout": 0.0},
}


@lru_cache
def texts() -> Tuple[str, ...]:
    """RETURNS (Tuple[str, ...]): The sentences of the bundled corpus."""
    found = [document for part in ("train", "dev", "test") for document in read(CORPUS / f"{part}.txt")]
    return tuple(sentence.text for sentence in sentences(found))


@lru_cache
def gold(n: int = 120) -> Tuple[Doc, ...]:
    """RETURNS (Tuple[Doc, ...]): Gold docs of the bundled corpus. n (int): How many."""
    vocab = spacy.blank("en").vocab
    return tuple(to_doc(vocab, document) for document in read(CORPUS / "train.txt")[:n])


def train(nlp: Language, steps: int = 8) -> Language:
    """RETURNS (Language): The pipeline, after some steps of training. nlp (Language): The pipeline. steps (int): How
    many."""
    docs = gold()
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for step in range(steps):
        nlp.update(examples[step % 2 :: 2], sgd=optimizer, drop=0.1)
    return nlp


def ours(
    cell: str = "lstm", bidirectional: bool = True, depth: int = 1, decoder: str = "crf", **settings: Any
) -> Language:
    """A pipeline of ours.

    cell (str): The cell.
    bidirectional (bool): Whether it reads in both directions.
    depth (int): How many layers.
    decoder (str): The decoder of both components.
    **settings (Any): Further settings of the components.
    RETURNS (Language): The trained pipeline.
    """
    encode = {"cell": cell, "bidirectional": bidirectional, "depth": depth, "width": WIDTH}
    model = {"tok2vec": {"encode": {**encode, "engine": "auto"}, "embed": {"width": WIDTH}}}
    fix_random_seed(0)
    nlp = spacy.blank("en")
    for name in ("rnn_tagger", "rnn_ner"):
        nlp.add_pipe(name, config={"model": model, "decoder": decoder, "store_probs": True, **settings})
    return train(nlp)


def peer(who: str) -> Language:
    """RETURNS (Language): A trained pipeline of others. who (str): One of `PEERS`."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    for name in ("tagger", "ner"):
        model: Dict[str, Any] = {} if who == PEERS[0] else {"model": {"tok2vec": TORCH_LSTM}}
        nlp.add_pipe(name, config=model)
    nlp.get_pipe("tagger").save_activations = True
    return train(nlp)


@lru_cache
def subjects() -> Dict[str, Language]:
    """RETURNS (Dict[str, Language]): One pipeline of ours, and those of others, by name."""
    return {OURS: ours(), **{who: peer(who) for who in PEERS}}


def answer(doc: Doc) -> List[Any]:
    """RETURNS (List[Any]): What a pipeline says of a doc: labels, and all its probabilities to the bit. doc (Doc): The
    doc."""
    labels = [[token.tag_, token.ent_iob_, token.ent_type_] for token in doc]
    return [labels, *(bits.tobytes() for bits in probabilities(doc))]


def probabilities(doc: Doc) -> Iterator[Any]:
    """YIELDS (array): The probabilities that a doc carries. doc (Doc): The doc."""
    for key in sorted(doc.user_data, key=str):
        record = doc.user_data[key]
        if isinstance(record, dict) and "probs" in record:
            yield record["probs"]
    activations = getattr(doc, "activations", None) or {}
    for name in sorted(activations):
        yield from (activations[name][key] for key in sorted(activations[name]))
