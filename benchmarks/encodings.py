"""What the input encoding, the cell and the direction are worth: accuracy of parts of speech, parameters and speed of
each combination, trained alike on the first sentences of a corpus.

    python benchmarks/encodings.py corpus/ewt/en_ewt-ud-train.spacy corpus/ewt/en_ewt-ud-dev.spacy --limit 2000 --epochs
    3
"""

import argparse
import itertools
import json
import random
import sys
from pathlib import Path
from time import perf_counter
from typing import Any, Callable, Dict, List, Optional

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Corpus, Example
from spacy.training.batchers import minibatch_by_words
from spacy.training.initialize import load_vectors_into_model
from thinc.api import Adam, fix_random_seed

sys.path.append(str(Path(__file__).parent.parent))  # a script finds its own folder there, not the project's

from benchmarks.common.table import Table, thousands

CELLS = ("rnn_tanh", "gru", "lstm")
WIDTH, VOCABULARY = 96, 5000

Row = Dict[str, Any]


def lexemes(**settings: Any) -> Dict[str, Any]:
    return {"@architectures": "spacy-rnn-tagger.LexemeEmbed.v1", "width": WIDTH, **settings}


# Each gives the config of an embedding layer; another encoding is one more line here.
ENCODINGS: Dict[str, Callable[[], Dict[str, Any]]] = {
    "one-hot": lambda: {"@architectures": "spacy-rnn-tagger.OneHot.v1", "max_size": VOCABULARY},
    "embedding": lambda: {"@architectures": "spacy-rnn-tagger.SymbolEmbed.v1", "width": WIDTH, "max_size": VOCABULARY},
    "attributes": lambda: lexemes(attrs=["NORM", "PREFIX", "SUFFIX", "SHAPE"], rows=[5000, 1000, 2500, 2500]),
    "characters": lambda: lexemes(attrs=[], rows=[], chars={"@architectures": "spacy-rnn-tagger.CharRNN.v1"}),
    "vectors": lambda: lexemes(attrs=[], rows=[], include_static_vectors=True),
}


def make_pipeline(lang: str, encoding: str, cell: str, bidirectional: bool, vectors: Optional[str]) -> Language:
    """A pipeline with one tagger of parts of speech. All combinations have the same number of hidden units."""
    nlp = spacy.blank(lang)
    if vectors is not None:
        load_vectors_into_model(nlp, vectors)
    embed = ENCODINGS[encoding]()
    encode = {
        "@architectures": "spacy-rnn-tagger.RNNEncoder.v1",
        "width": embed.get("width", embed.get("max_size")),
        "hidden_width": WIDTH // 2 if bidirectional else WIDTH,
        "cell": cell,
        "bidirectional": bidirectional,
    }
    tok2vec = {"@architectures": "spacy-rnn-tagger.RNNTok2Vec.v1", "embed": embed, "encode": encode}
    model = {"@architectures": "spacy-rnn-tagger.RNNTagger.v1", "tok2vec": tok2vec}
    nlp.add_pipe("rnn_tagger", config={"target": "pos", "model": model})
    return nlp


def read(nlp: Language, path: Path, limit: int) -> List[Example]:
    """The first sentences of a corpus, with their gold tokens."""
    sentences = itertools.islice(Corpus(path, gold_preproc=True)(nlp), limit or None)
    return list(sentences)


def train(nlp: Language, examples: List[Example], epochs: int, learn_rate: float) -> None:
    """Leaves the averaged weights in place."""
    nlp.initialize(lambda: examples)
    optimizer = Adam(learn_rate, grad_clip=1.0, L2=0.01, L2_is_weight_decay=True, use_averages=True)
    for _ in range(epochs):
        random.shuffle(examples)
        for batch in minibatch_by_words(examples, size=1000):
            nlp.update(batch, sgd=optimizer, drop=0.2)
    model = nlp.get_pipe("rnn_tagger").model
    with model.use_params(optimizer.averages):
        weights = model.to_bytes()
    model.from_bytes(weights)


def speed(nlp: Language, examples: List[Example], repeats: int = 3) -> float:
    """Tokens a second of the component alone on tokenised docs, the best of a few runs."""
    best = 0.0
    for _ in range(repeats):
        docs = [Doc(nlp.vocab, words=[token.text for token in eg.reference]) for eg in examples]
        start = perf_counter()
        for _ in nlp.get_pipe("rnn_tagger").pipe(docs, batch_size=256):
            pass
        best = max(best, sum(map(len, docs)) / (perf_counter() - start))
    return best


def measure(args: argparse.Namespace, encoding: str, cell: str, bidirectional: bool) -> Row:
    fix_random_seed(args.seed)
    nlp = make_pipeline(args.lang, encoding, cell, bidirectional, args.vectors if encoding == "vectors" else None)
    train(nlp, read(nlp, args.train, args.limit), args.epochs, args.learn_rate)
    dev = read(nlp, args.dev, args.dev_limit)
    nodes = list(nlp.get_pipe("rnn_tagger").model.walk())
    arrays = [node.get_param(p) for node in nodes for p in node.param_names if node.has_param(p)]
    return {
        "encoding": encoding,
        "cell": cell,
        "direction": "bidirectional" if bidirectional else "forward",
        "accuracy": nlp.evaluate(dev)["pos_acc"],
        "parameters": sum(array.size for array in arrays),
        "speed": speed(nlp, dev),
    }


def markdown(rows: List[Row]) -> str:
    head = ["encoding", "cell", "direction", "accuracy, %", "parameters", "tokens/s"]
    table = Table("encodings", "", head, n_texts=3)
    for row in rows:
        numbers = (f"{100 * row['accuracy']:.2f}", thousands(row["parameters"]), thousands(row["speed"]))
        table.add(row["encoding"], row["cell"], row["direction"], *numbers)
    return table.markdown() + "\n"


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path, help="training .spacy file, with parts of speech")
    parser.add_argument("dev", type=Path, help="development .spacy file")
    parser.add_argument("--lang", default="en")
    parser.add_argument("--limit", type=int, default=2000, help="training sentences, 0 for all (2000)")
    parser.add_argument("--dev-limit", type=int, default=0, help="development sentences, 0 for all (0)")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--learn-rate", type=float, default=0.004)
    parser.add_argument("--vectors", help="pipeline with static vectors; without it there is no row for them")
    parser.add_argument("--encodings", nargs="+", choices=ENCODINGS, help="only these")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for encodings.json and encodings.md")
    args = parser.parse_args(argv)
    chosen = args.encodings or [name for name in ENCODINGS if name != "vectors" or args.vectors]
    if "vectors" in chosen and not args.vectors:
        parser.error("--encodings vectors needs --vectors")
    rows = []
    for encoding, cell, bidirectional in itertools.product(chosen, args.cells, (False, True)):
        rows.append(measure(args, encoding, cell, bidirectional))
        print(markdown(rows[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    print(markdown(rows))
    if args.output is not None:
        args.output.mkdir(parents=True, exist_ok=True)
        settings = {name: getattr(args, name) for name in ("limit", "epochs", "learn_rate", "seed")}
        (args.output / "encodings.json").write_text(json.dumps({"settings": settings, "rows": rows}, indent=2) + "\n")
        (args.output / "encodings.md").write_text(markdown(rows), encoding="utf8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
