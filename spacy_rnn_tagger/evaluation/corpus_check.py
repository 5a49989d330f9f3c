"""Look at a corpus before training on it."""

from dataclasses import dataclass
from typing import Dict, Iterable, List, Mapping, Optional, Sequence

from spacy.language import Language
from spacy.tokens import Doc

from ..pipeline.targets import Target
from .corpus_counts import CorpusCounter, PartCounts
from .corpus_findings import ERROR, POOR_COVERAGE, WARNING, Finding, find_in_docs, find_in_target


@dataclass(frozen=True)
class CorpusCheck:
    """What a corpus holds, and what is wrong with it.

    lang (str): The language whose tokenizer the gold was compared with.
    has_vectors (bool): Whether coverage by static vectors was counted.
    parts (List[PartCounts]): The counts of each part, that of the training data first.
    findings (List[Finding]): What is wrong, errors first.
    """

    lang: str
    has_vectors: bool
    parts: List[PartCounts]
    findings: List[Finding]

    @property
    def errors(self) -> List[Finding]:
        """RETURNS (List[Finding]): What would stop or spoil training."""
        return [finding for finding in self.findings if finding.severity == ERROR]

    @property
    def warnings(self) -> List[Finding]:
        """RETURNS (List[Finding]): What may be meant as it is."""
        return [finding for finding in self.findings if finding.severity == WARNING]


def check_corpus(
    nlp: Language, parts: Mapping[str, Iterable[Doc]], *, targets: Optional[Sequence[str]] = None
) -> CorpusCheck:
    """Check annotated docs: what training would leave out or refuse, and what would spoil its result. The docs are read
    once, one after the other; only counts, hashes and a few examples are kept.

    nlp (Language): A pipeline whose tokenizer is that of the one to train, such as `spacy.blank("en")`. If it holds
        static vectors, their coverage is counted.
    parts (Mapping[str, Iterable[Doc]]): The gold docs of each part of the corpus by a name, those to train on first.
    targets (Optional[Sequence[str]]): The targets to look at, such as "ents"; all that are annotated if None.
    RETURNS (CorpusCheck): Counts and findings.
    RAISES (ValueError): If there is no part, or no such target.
    """
    if not parts:
        raise ValueError("check_corpus: there is no part of a corpus; give the gold docs to train on.")
    counter = CorpusCounter(nlp, targets)
    try:
        counted = [counter.count(name, docs) for name, docs in parts.items()]
    finally:
        counter.close()
    findings = list(find_in_docs(counted))
    findings += _find_unannotated(counter.targets, targets or (), counted[0])
    findings += [finding for target in counter.targets.values() for finding in find_in_target(target, counted)]
    findings = _without_repetitions(findings)
    has_vectors = nlp.vocab.vectors.shape[0] > 0
    if has_vectors:
        findings += _find_in_vectors(counted)
    findings.sort(key=lambda finding: finding.severity != ERROR)
    return CorpusCheck(nlp.lang or "xx", has_vectors, counted, findings)


def _find_unannotated(targets: Dict[str, Target], named: Sequence[str], train: PartCounts) -> List[Finding]:
    """Without a label there is nothing to train on."""
    labelled = {name for name, counts in train.targets.items() if counts.labels}
    if not train.n_tokens:
        return []
    if not labelled and not named:
        message = "no doc has a label for any target"
        advice = (
            "Check the conversion: what counts are tags, parts of speech, morphology, entities, sentences, span groups "
            "and custom attributes of tokens."
        )
        return [Finding(ERROR, "no-annotation", train.name, "", message, advice)]
    found = []
    for name in named:
        if name not in labelled:
            advice = targets[name].describe_missing()
            found.append(Finding(ERROR, "no-annotation", train.name, name, "no doc has a label", _sentence(advice)))
    return found


def _without_repetitions(findings: Sequence[Finding]) -> List[Finding]:
    """The target "morph" holds parts of speech too, so that what is said of them by kind need not be said of it."""
    of_pos = {(finding.kind, finding.part) for finding in findings if finding.target == "pos"}
    same = {"misaligned", "missing", "contradictory", "unscored"}
    return [
        finding
        for finding in findings
        if not (finding.target == "morph" and finding.kind in same and (finding.kind, finding.part) in of_pos)
    ]


def _find_in_vectors(parts: Sequence[PartCounts]) -> List[Finding]:
    found = []
    for part in parts:
        share = part.with_vector / part.n_tokens if part.n_tokens else 1.0
        if share < POOR_COVERAGE:
            message = f"{100 * share:.1f} % of the tokens have a static vector"
            advice = "Are the vectors of this language, and cased like the data? Vectors that cover little help little."
            examples = [f"{word!r} ({n})" for word, n in part.without_vector.items()]
            found.append(
                Finding(WARNING if part.with_vector else ERROR, "vectors", part.name, "", message, advice, examples)
            )
    return found


def _sentence(clause: str) -> str:
    return clause[:1].upper() + clause[1:]
