"""Several weak sources of entities, combined: which way of combining gives the better labels? The sources are made of
the training part: its names in any case, each word of its names by itself, and three models that saw a tenth of the
docs each. They label the development part, whose gold says how good each is, and what `spacy rnn distill
--combine` would teach a student.

    python -m benchmarks.weak_labels corpus/wnut17/train.spacy corpus/wnut17/dev.spacy --seeds 0 1 2
"""

import argparse
import itertools
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Dict, Iterable, List, Optional, Tuple

import spacy
from spacy.language import Language
from spacy.scorer import PRFScore
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.batchers import minibatch_by_words
from thinc.api import Adam, fix_random_seed

sys.path.append(str(Path(__file__).parent.parent))  # a script finds its own folder there, not the project's

from benchmarks.accuracy.sentences import read_docs
from benchmarks.common.table import Table, mean_and_deviation
from benchmarks.partial_annotation import bare
from scripts.report import write_section
from spacy_rnn_tagger.distill.asking import combine_docs
from spacy_rnn_tagger.distill.combining import COMBINE
from spacy_rnn_tagger.distill.settings import DistillSettings

SHARE, N_MODELS = 0.1, 3
"""What each model sees of the training docs, and how many models there are."""


def names_of(docs: Iterable[Doc], of_words: bool = False) -> Dict[str, str]:
    """RETURNS (Dict[str, str]): The names of some docs, each with the label that it has most often. docs
    (Iterable[Doc]): The docs. of_words (bool): Whether each word of a name counts as a name."""
    counts: Dict[str, Counter[str]] = {}
    for ent in (ent for doc in docs for ent in doc.ents):
        for name in [token.text for token in ent] if of_words else [ent.text]:
            counts.setdefault(name, Counter())[ent.label_] += 1
    return {name: min(found, key=lambda label: (-found[label], label)) for name, found in counts.items()}


def rules(names: Dict[str, str], attr: str) -> Language:
    """RETURNS (Language): A pipeline that finds names. names (Dict[str, str]): The names and their labels. attr (str):
    What of a token has to be equal."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler", config={"phrase_matcher_attr": attr})
    ruler.add_patterns([{"label": label, "pattern": name} for name, label in names.items()])  # type: ignore[attr-defined]
    return nlp


def model(docs: List[Doc], seed: int, updates: int) -> Language:
    """RETURNS (Language): A trained pipeline. docs (List[Doc]): Gold. seed (int): Of weights and batches. updates
    (int): How many."""
    fix_random_seed(seed)
    rng = random.Random(seed)
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_ner")
    examples = [Example(bare(doc, nlp.vocab), doc) for doc in docs]
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.004, grad_clip=1.0, L2=0.01, L2_is_weight_decay=True, use_averages=True)
    passes = (rng.sample(examples, len(examples)) for _ in itertools.count())
    batches = (batch for each in passes for batch in minibatch_by_words(each, size=500))
    for batch in itertools.islice(batches, updates):
        nlp.update(batch, sgd=optimizer, drop=0.4)
    for _, pipe in nlp.pipeline:
        pipe.model.use_params(optimizer.averages).__enter__()  # type: ignore[attr-defined]
    return nlp


def sources(train: List[Doc], seed: int, updates: int) -> List[Tuple[str, Language, bool]]:
    """RETURNS (List[Tuple[str, Language, bool]]): Each source by its name, and whether its silence says nothing. train
    (List[Doc]): Gold. seed (int): Which docs the model sees, and its seed. updates (int): Of the model."""
    n_seen = max(1, round(SHARE * len(train)))
    mixed = random.Random(seed).sample(train, len(train))
    models = [
        (f"a model of docs {i * n_seen + 1:,} to {(i + 1) * n_seen:,}", mixed[i * n_seen : (i + 1) * n_seen])
        for i in range(N_MODELS)
    ]
    return [
        ("names of the training part", rules(names_of(train), "LOWER"), True),
        ("words of these names", rules(names_of(train, of_words=True), "LOWER"), True),
        *((name, model(docs, seed, updates), False) for name, docs in models),
    ]


def score(gold: List[Doc], found: List[Doc]) -> PRFScore:
    """RETURNS (PRFScore): Precision, recall and F1 of entities. gold (List[Doc]): What is so. found (List[Doc]): What
    was said."""
    result = PRFScore()
    for right, said in zip(gold, found):
        result.score_set(
            {(ent.start, ent.end, ent.label_) for ent in said.ents},
            {(ent.start, ent.end, ent.label_) for ent in right.ents},
        )
    return result


def measure(train: List[Doc], dev: List[Doc], seed: int, updates: int) -> Dict[str, PRFScore]:
    """RETURNS (Dict[str, PRFScore]): How good each source and each combination is. train (List[Doc]): Gold for the
    sources. dev (List[Doc]): What they label. seed (int): The seed. updates (int): Of the model."""
    made = sources(train, seed, updates)
    silent = [is_silent for _, _, is_silent in made]

    def answers() -> List[List[Doc]]:
        return [list(nlp.pipe([bare(doc, nlp.vocab) for doc in dev])) for _, nlp, _ in made]

    scores = {name: score(dev, found) for (name, _, _), found in zip(made, answers())}
    for combination in COMBINE:
        groups = [list(group) for group in zip(*answers())]
        combine_docs(groups, silent, DistillSettings(combine=combination))
        scores[f"together, `--combine {combination}`"] = score(dev, [group[0] for group in groups])
    return scores


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.weak_labels",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("train", type=Path, help="training .spacy file")
    parser.add_argument("dev", type=Path, help="development .spacy file")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--updates", type=int, default=300, help="of the model (300)")
    parser.add_argument("--page", type=Path, help="also write the table between its markers in this page")
    args = parser.parse_args(argv)
    missing = [str(path) for path in (args.train, args.dev) if not path.is_file()]
    if missing:
        parser.error(f"there is no {', '.join(missing)}")
    train, dev = read_docs(args.train), read_docs(args.dev)
    results = [measure(train, dev, seed, args.updates) for seed in args.seeds]
    title = f"{args.dev}, {len(args.seeds)} seeds: mean ± standard deviation, %"
    table = Table("weak_labels", title, ["labels of", "precision", "recall", "F1"])
    for name in results[0]:
        cells = [
            mean_and_deviation([100 * getattr(result[name], kind) for result in results], 2)
            for kind in ("precision", "recall", "fscore")
        ]
        table.add(name, *cells)
    print(table.markdown())
    if args.page is not None:
        write_section(args.page, "weak-labels", table.markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
