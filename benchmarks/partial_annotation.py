"""What annotation is worth where: a share of the tokens, spread over all sentences, beside the same share of the
sentences, annotated completely. Both are trained with the same model, the same seeds and the same number of updates, of
batches that hold either the same number of annotated tokens, or the same number of tokens, annotated or not.

    python benchmarks/partial_annotation.py corpus/ewt/en_ewt-ud-train.spacy corpus/ewt/en_ewt-ud-dev.spacy --target tag

Without paths, on the bundled corpus, which `spacy project run corpus` converts. An entity is annotated as a whole or
not at all, any other token by itself; what is not annotated is missing, not negative.
"""

import argparse
import itertools
import json
import random
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import numpy
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Corpus, Example
from spacy.training.batchers import minibatch_by_words
from spacy.vocab import Vocab
from thinc.api import Adam, fix_random_seed

sys.path.append(str(Path(__file__).parent.parent))  # a script finds its own folder there, not the project's

from benchmarks.common.table import Table, thousands

CORPUS = Path(__file__).parent.parent / "corpus" / "bundled"
ATTRS = {"tag": "TAG", "pos": "POS"}

Row = Dict[str, Any]


def units(doc: Doc, target: str) -> List[Tuple[int, int]]:
    """What an annotator decides at a time: start and end token of each entity and of each other token."""
    spans = [(ent.start, ent.end) for ent in doc.ents] if target == "ents" else []
    inside = {i for start, end in spans for i in range(start, end)}
    return sorted(spans + [(i, i + 1) for i in range(len(doc)) if i not in inside])


def bare(doc: Doc, vocab: Optional[Vocab] = None) -> Doc:
    """The tokens of a doc, in its vocabulary or another one."""
    return Doc(
        doc.vocab if vocab is None else vocab, words=[t.text for t in doc], spaces=[bool(t.whitespace_) for t in doc]
    )


def keep(doc: Doc, target: str, kept: List[Tuple[int, int]]) -> Doc:
    """A copy of a doc that knows the target for some units only."""
    known = numpy.zeros((len(doc),), dtype=bool)
    for start, end in kept:
        known[start:end] = True
    copy = bare(doc)
    if target == "ents":
        ents = [Span(copy, ent.start, ent.end, ent.label_) for ent in doc.ents if known[ent.start]]
        outside = [token.i for token in doc if known[token.i] and not token.ent_type]
        copy.set_ents(ents, outside=[copy[i : i + 1] for i in outside], default="missing")
    else:
        values = numpy.where(known, doc.to_array(ATTRS[target]), 0).astype("uint64")
        copy.from_array([ATTRS[target]], values.reshape((-1, 1)))
    return copy


def spread(docs: List[Doc], target: str, share: float, rng: random.Random) -> Tuple[List[Doc], int]:
    """A share of the units of all docs; and how many tokens they have."""
    places = [(i, unit) for i, doc in enumerate(docs) for unit in units(doc, target)]
    chosen: List[List[Tuple[int, int]]] = [[] for _ in docs]
    n_tokens = 0
    for i, unit in rng.sample(places, round(share * len(places))):
        chosen[i].append(unit)
        n_tokens += unit[1] - unit[0]
    return [keep(doc, target, kept) for doc, kept in zip(docs, chosen)], n_tokens


def complete(docs: List[Doc], target: str, share: float, rng: random.Random) -> Tuple[List[Doc], int]:
    """A share of the docs, up to the same number of tokens."""
    budget = round(share * sum(map(len, docs)))
    chosen: List[Doc] = []
    for doc in rng.sample(docs, len(docs)):
        if budget <= 0:
            break
        chosen.append(doc)
        budget -= len(doc)
    return [keep(doc, target, units(doc, target)) for doc in chosen], sum(map(len, chosen))


def everything(docs: List[Doc], target: str, share: float, rng: random.Random) -> Tuple[List[Doc], int]:
    """All docs."""
    return [keep(doc, target, units(doc, target)) for doc in docs], sum(map(len, docs))


Annotate = Callable[[List[Doc], str, float, random.Random], Tuple[List[Doc], int]]
ANNOTATIONS: Dict[str, Tuple[str, Annotate]] = {
    "spread": ("{share:.0%} of the tokens of all sentences", spread),
    "complete": ("{share:.0%} of the sentences, complete", complete),
    "everything": ("all tokens of all sentences", everything),
}


def read(nlp: Language, path: Path, limit: int) -> List[Doc]:
    """The first sentences of a corpus, with their gold tokens."""
    examples = itertools.islice(Corpus(path, gold_preproc=True)(nlp), limit or None)
    return [eg.reference for eg in examples]


def n_annotated(eg: Example, target: str) -> int:
    """How many tokens of an example have gold."""
    return int(numpy.count_nonzero(eg.reference.to_array("ENT_IOB" if target == "ents" else ATTRS[target])))


def batches(
    examples: List[Example], size: int, length: Callable[[Example], int], rng: random.Random
) -> Iterator[List[Example]]:
    """Batches without end, each pass in another order."""
    while True:
        rng.shuffle(examples)
        yield from minibatch_by_words(examples, size=size, get_length=length)


def measure(args: argparse.Namespace, annotate: Annotate, decoder: str, seed: int) -> Row:
    fix_random_seed(seed)
    rng = random.Random(seed)
    nlp = spacy.blank(args.lang)
    pipe = nlp.add_pipe("rnn_tagger", config={"target": args.target, "decoder": decoder})
    train, n_known = annotate(read(nlp, args.train, args.limit), args.target, args.share, rng)
    examples = [Example(bare(doc), doc) for doc in train]
    nlp.initialize(lambda: examples)
    optimizer = Adam(args.learn_rate, grad_clip=1.0, L2=0.01, L2_is_weight_decay=True, use_averages=True)
    length = partial(n_annotated, target=args.target) if args.count == "annotated" else len
    for batch in itertools.islice(batches(examples, args.batch_size, length, rng), args.updates):
        nlp.update(batch, sgd=optimizer, drop=args.dropout)
    dev = [Example(bare(doc), doc) for doc in read(nlp, args.dev, args.dev_limit)]
    with nlp.use_params(optimizer.averages):
        score = nlp.evaluate(dev)[pipe.score_keys[0]]
    return {"annotated": n_known, "sentences": len(examples), "score": score}


def markdown(args: argparse.Namespace, results: List[Tuple[str, str, List[Row]]]) -> str:
    score = "F1" if args.target == "ents" else "accuracy"
    head = [
        "target",
        "decoder",
        "annotated",
        "sentences",
        "annotated tokens",
        "tokens in a batch",
        f"{score}, %",
        "std",
    ]
    table = Table("partial_annotation", "", head, n_texts=3)
    for name, decoder, rows in results:
        scores = [100 * row["score"] for row in rows]
        table.add(
            f"`{args.target}`",
            decoder,
            ANNOTATIONS[name][0].format(share=args.share),
            thousands(statistics.mean(row["sentences"] for row in rows)),
            thousands(statistics.mean(row["annotated"] for row in rows)),
            f"{args.batch_size:,}{' annotated' if args.count == 'annotated' else ''}",
            f"{statistics.mean(scores):.2f}",
            f"{statistics.stdev(scores) if len(scores) > 1 else 0:.2f}",
        )
    return table.markdown() + "\n"


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path, nargs="?", default=CORPUS / "train.spacy", help="training .spacy file")
    parser.add_argument("dev", type=Path, nargs="?", default=CORPUS / "dev.spacy", help="development .spacy file")
    parser.add_argument("--target", choices=[*ATTRS, "ents"], default="pos")
    parser.add_argument("--decoders", nargs="+", choices=("softmax", "crf"), default=["softmax"])
    parser.add_argument("--annotations", nargs="+", choices=ANNOTATIONS, default=list(ANNOTATIONS))
    parser.add_argument("--share", type=float, default=0.2, help="of the annotation that is there (0.2)")
    parser.add_argument("--updates", type=int, default=300, help="of the weights, for each (300)")
    parser.add_argument("--batch-size", type=int, default=200, help="tokens in a batch (200)")
    parser.add_argument(
        "--count", choices=("annotated", "all"), default="annotated", help="which tokens --batch-size counts"
    )
    parser.add_argument("--lang", default="en")
    parser.add_argument("--limit", type=int, default=0, help="training sentences, 0 for all (0)")
    parser.add_argument("--dev-limit", type=int, default=0, help="development sentences, 0 for all (0)")
    parser.add_argument("--learn-rate", type=float, default=0.004)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--output", type=Path, help="folder for partial_TARGET_COUNT.json and .md")
    args = parser.parse_args(argv)
    if not 0 < args.share < 1:
        parser.error(f"--share {args.share} is not allowed; it must be between 0 and 1")
    missing = [str(path) for path in (args.train, args.dev) if not path.exists()]
    if missing:
        parser.error(f"there is no {', '.join(missing)}; `spacy project run corpus` converts the bundled corpus")
    results: List[Tuple[str, str, List[Row]]] = []
    for decoder, name in itertools.product(args.decoders, args.annotations):
        rows = [measure(args, ANNOTATIONS[name][1], decoder, seed) for seed in args.seeds]
        results.append((name, decoder, rows))
        print(markdown(args, results[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    print(markdown(args, results))
    if args.output is not None:
        args.output.mkdir(parents=True, exist_ok=True)
        chosen = ("share", "updates", "batch_size", "count", "limit", "dev_limit", "learn_rate", "dropout", "seeds")
        data = {"settings": {name: getattr(args, name) for name in chosen}, "results": results}
        path = args.output / f"partial_{args.target}_{args.count}"
        path.with_suffix(".json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf8")
        path.with_suffix(".md").write_text(markdown(args, results), encoding="utf8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
