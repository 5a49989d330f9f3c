"""Counts of a corpus as findings: what is wrong with the data, and what to do."""

from dataclasses import dataclass, field
from typing import Iterator, List, Sequence

from ..errors import nearest
from ..pipeline.targets import Target
from ..pipeline.targets.biluo_target import BiluoTarget
from ..pipeline.targets.extension import PREFIX as EXTENSION
from .corpus_counts import PartCounts, TargetCounts

ERROR, WARNING = "error", "warning"
FEW_SENTENCES = 100
RARE = 5
"""Labels that occur less often in the training part cannot be learned or measured well."""
LONG_DOC = 5000
MUCH_MISSING = 0.05
SPOILED = 0.5
"""Share of labels that are lost, or of development docs that are trained on, from which training is of no use."""
POOR_COVERAGE = 0.7
N_NAMED = 10


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a corpus.

    severity (str): "error" if training would stop or be spoiled, else "warning".
    kind (str): What is wrong, as a name that programs can rely on, such as "misaligned".
    part (str): The part of the corpus.
    target (str): The target, such as "ents"; empty if it is about all of the doc.
    message (str): What is wrong, and how often.
    advice (str): What to do, in one sentence.
    examples (List[str]): The first few places.
    """

    severity: str
    kind: str
    part: str
    target: str
    message: str
    advice: str
    examples: List[str] = field(default_factory=list)


def find_in_docs(parts: Sequence[PartCounts]) -> Iterator[Finding]:
    """What is wrong with the docs, whatever their annotation.

    parts (Sequence[PartCounts]): The counts, those of the training data first.
    YIELDS (Finding): One finding.
    """
    for part in parts:
        if not part.n_tokens:
            message = f"there are no tokens in {part.n_docs} docs"
            yield Finding(ERROR, "no-tokens", part.name, "", message, "Convert the data again.", part.empty.examples)
            continue
        if part.empty.n:
            message = f"{part.empty.n} of {part.n_docs} docs have no words"
            advice = "They are left out of training; take them out, or look why the conversion left them empty."
            yield Finding(WARNING, "empty-docs", part.name, "", message, advice, part.empty.examples)
        if part.longest > LONG_DOC:
            message = f"the longest doc has {part.longest:,} tokens"
            advice = (
                "It fills a batch by itself; set max_length = 1000 in [corpora.train], which splits docs with gold "
                "sentences into them."
            )
            yield Finding(WARNING, "long-docs", part.name, "", message, advice)
        yield from _find_copies(part)
    train = parts[0]
    if 0 < train.n_sentences < FEW_SENTENCES:
        message = f"there are {train.n_sentences} sentences to train on"
        advice = "Annotate more: 100 sentences are a beginning, and some thousand make a usable pipeline."
        yield Finding(WARNING, "few-sentences", train.name, "", message, advice)


def _find_copies(part: PartCounts) -> Iterator[Finding]:
    for kind, what, found in (
        ("duplicates", "occurred before in this part, word for word", part.copies),
        ("near-duplicates", "have the letters of an earlier one in this part", part.near_copies),
    ):
        if found.n:
            message = f"{found.n} of {part.n_docs} docs {what}"
            advice = (
                "Keep one of each, unless the data are that repetitive in use too: copies count double in training."
            )
            yield Finding(WARNING, kind, part.name, "", message, advice, found.examples)
    for other in part.shared:
        exact, near = part.shared[other], part.nearly_shared[other]
        for kind, what, found in (
            ("shared", f"are also in {other}, word for word", exact),
            ("nearly-shared", f"have the letters of a doc in {other}", near),
        ):
            if found.n:
                spoiled = kind == "shared" and found.n >= SPOILED * part.n_docs
                message = f"{found.n} of {part.n_docs} docs {what}"
                advice = "Take them out of one of the parts: scores on what was trained on are too high."
                yield Finding(ERROR if spoiled else WARNING, kind, part.name, "", message, advice, found.examples)


def find_in_target(target: Target, parts: Sequence[PartCounts]) -> Iterator[Finding]:
    """What is wrong with the annotation for one target.

    target (Target): The target.
    parts (Sequence[PartCounts]): The counts, those of the training data first.
    YIELDS (Finding): One finding.
    """
    for part in parts:
        if target.name in part.targets:
            yield from _find_in_part(target, part, part.targets[target.name])
    train = parts[0].targets.get(target.name, TargetCounts())
    for part in parts[1:]:
        counts = part.targets.get(target.name, TargetCounts())
        if train.labels and not counts.labels:
            advice = (
                "Annotate it too, since nothing can choose the best model for this target, or name it in no component."
            )
            yield Finding(
                WARNING, "unscored", part.name, target.name, f"no label, while {parts[0].name} has some", advice
            )
        unseen = {label: n for label, n in counts.labels.items() if label not in train.labels}
        if unseen:
            names = _some([f"{label!r} ({n})" for label, n in unseen.items()])
            message = f"{len(unseen)} labels that {parts[0].name} lacks: {names}"
            advice = "They cannot be learned; correct their spelling, or move some of their docs to the training part."
            likely = [f"{label!r}:{nearest(label, train.labels)}" for label in unseen if nearest(label, train.labels)]
            examples = likely[:N_NAMED] if isinstance(target, BiluoTarget) else []
            yield Finding(WARNING, "unseen-labels", part.name, target.name, message, advice, examples)
    if not train.labels:
        return
    yield from _find_in_labels(target, parts[0], train)


def _find_in_part(target: Target, part: PartCounts, counts: TargetCounts) -> Iterator[Finding]:
    name = target.name
    if counts.refused.n:
        # A custom attribute that is no string may be meant for something else than a component.
        severity = WARNING if name.startswith(EXTENSION) else ERROR
        message = f"{counts.refused.n} of {counts.n_docs} annotated docs have gold that no component can learn"
        advice = "Correct them, or leave this target out of --target and of the config."
        yield Finding(severity, "refused", part.name, name, message, advice, counts.refused.examples)
    if counts.misaligned.n:
        spoiled = counts.misaligned.n >= SPOILED * counts.n_gold
        message = f"{counts.misaligned.n} of {counts.n_gold} labels match no token boundaries of the tokenizer"
        advice = (
            "They are left out of training; name the language by --lang, or set gold_preproc = true in the readers of "
            "[corpora] if the pipeline will be given such tokens in use."
        )
        severity = ERROR if spoiled else WARNING
        yield Finding(severity, "misaligned", part.name, name, message, advice, counts.misaligned.examples)
    if counts.ragged.n:
        message = f"{counts.ragged.n} spans begin or end with whitespace"
        advice = "They are left out of training; shorten them to their words."
        yield Finding(WARNING, "whitespace", part.name, name, message, advice, counts.ragged.examples)
    if counts.contradictory.n:
        message = f"{counts.contradictory.n} docs have the words of an earlier one and other labels"
        advice = "Decide for one annotation, or delete the copies: no model can learn both."
        yield Finding(WARNING, "contradictory", part.name, name, message, advice, counts.contradictory.examples)
    if "" in counts.labels:
        message = f"{counts.labels['']} labels are empty"
        yield Finding(ERROR, "empty-labels", part.name, name, message, "Give them a label, or delete them.")
    missing = 1 - counts.n_tokens / part.n_tokens if part.n_tokens else 0.0
    if missing > MUCH_MISSING and not counts.refused.n:
        message = f"{100 * missing:.1f} % of the tokens are not annotated ({counts.n_docs} of {part.n_docs} docs are)"
        advice = (
            "They are left out of the loss, as partial annotation should be; if they have no label, gold must say so."
        )
        yield Finding(WARNING, "missing", part.name, name, message, advice)


def _find_in_labels(target: Target, part: PartCounts, counts: TargetCounts) -> Iterator[Finding]:
    name = target.name
    if not target.fixed_labels:
        rare = {label: n for label, n in counts.labels.items() if n < RARE}
        if rare:
            message = f"{len(rare)} of {len(counts.labels)} labels occur less than {RARE} times: " + _some(
                [f"{label!r} ({n})" for label, n in rare.items()]
            )
            advice = "Annotate more of them, or merge them with others: so few can be neither learned nor measured."
            yield Finding(WARNING, "rare-labels", part.name, name, message, advice)
    if len(counts.labels) == 1 and not isinstance(target, BiluoTarget):
        message = f"all labels are {next(iter(counts.labels))!r}, so there is nothing to tell apart"
        yield Finding(WARNING, "one-label", part.name, name, message, "Leave this target out of the config.")
    if name == "sents" and is_trivial(target, part):
        message = "every doc is one sentence, so there is nothing to learn"
        advice = "Leave this target out of the config, or join sentences to docs, as by `spacy convert --n-sents 10`."
        yield Finding(WARNING, "one-sentence-docs", part.name, name, message, advice)
    for sentence in target.warnings_about(list(counts.labels)):
        first, _, rest = sentence.partition("; ")
        yield Finding(WARNING, "scheme-labels", part.name, name, first, rest[:1].upper() + rest[1:])


def is_trivial(target: Target, part: PartCounts) -> bool:
    """Whether the labels of a target say nothing: tokens that all have one label, docs that are all one sentence.

    target (Target): The target.
    part (PartCounts): The counts of the training data.
    RETURNS (bool): Whether there is nothing to learn.
    """
    counts = part.targets.get(target.name, TargetCounts())
    if target.name == "sents":
        return counts.labels.get("S", 0) <= counts.n_docs
    return not counts.labels or (len(counts.labels) == 1 and not isinstance(target, BiluoTarget))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:N_NAMED]) + (f" and {len(names) - N_NAMED} more" if len(names) > N_NAMED else "")
