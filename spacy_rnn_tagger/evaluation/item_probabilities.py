"""How likely a pipeline's components find what they predict, and what gold has."""

from typing import Dict, Iterable, List, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.morphology import Morphology
from spacy.training import Example
from spacy.util import minibatch

from ..pipeline.biluo import Segments
from ..pipeline.confidence import PathScores, decode_confident, span_probabilities
from ..pipeline.rnn_tagger import RNNTagger
from ..pipeline.targets import ABSTAIN, Path
from ..pipeline.targets.sents import START
from .progress import Progress, no_progress
from .readings import SENTENCE, Item
from .scored_batches import BATCH_SIZE

ItemProbabilities = Dict[Item, float]
"""By place in the predicted doc and label. Of spans, the exact probability of the span over all legal paths; of token
labels, their marginal."""


def annotate(
    nlp: Language, examples: Iterable[Example], progress: Progress = no_progress, title: str = "annotating"
) -> Tuple[List[Example], Dict[str, List[ItemProbabilities]]]:
    """Run a pipeline, one component after the other, and ask each of this package's how likely it finds its predictions
    and the gold.

    nlp (Language): The pipeline.
    examples (Iterable[Example]): Examples with docs that are only tokenised; not changed.
    progress (Progress): Shows how far it is.
    title (str): What it shows.
    RETURNS (Tuple[List[Example], Dict[str, List[ItemProbabilities]]]): Annotated examples; by target, the probabilities
        for each example.
    """
    examples = [Example(eg.predicted.copy(), eg.reference) for eg in examples]
    found: Dict[str, List[ItemProbabilities]] = {}
    pipes = list(nlp.pipeline)
    for name, pipe in progress(pipes, len(pipes), title):
        if isinstance(pipe, RNNTagger):
            found.update(_ask(pipe, examples))
        with nlp.select_pipes(enable=[name]):
            docs = list(nlp.pipe(eg.predicted for eg in examples))
        examples = [Example(doc, eg.reference) for doc, eg in zip(docs, examples, strict=True)]
    return examples, found


def _ask(pipe: RNNTagger, examples: Sequence[Example]) -> Dict[str, List[ItemProbabilities]]:
    """The probabilities that a component gives, by the targets that its own is read as."""
    found: Dict[str, List[ItemProbabilities]] = {}
    for batch in minibatch(examples, size=BATCH_SIZE):
        scores = pipe.path_scores([eg.predicted for eg in batch])
        path = decode_confident(pipe.target, scores, pipe.labels, threshold=pipe.threshold).path
        gold = [tag for eg in batch for tag in pipe.target.gold(eg)]
        if pipe.target.name == "sents":
            by_target = {"sents": _of_sentences(pipe, scores, path, gold)}
        elif pipe.target.segments(path[:0], pipe.labels) is not None:
            by_target = {pipe.target.name: _of_spans(pipe, scores, path, gold)}
        else:
            by_target = _of_tokens(pipe, scores, path, gold)
        for target, items in by_target.items():
            found.setdefault(target, []).extend(_split(items, scores.lengths))
    return found


def _of_tokens(pipe: RNNTagger, scores: PathScores, path: Path, gold: Sequence[object]) -> Dict[str, ItemProbabilities]:
    """A label of morphology is read as two, so their probabilities are sums over the labels that share them."""
    marginals = scores.marginals()
    tags = pipe.tags
    readings = {"pos": _pos_of, "morph": _features_of} if pipe.target.name == "morph" else {pipe.target.name: str}
    found = {}
    for target, part_of in readings.items():
        parts = [part_of(tag) for tag in tags]
        names = list(dict.fromkeys(parts))
        column = {name: i for i, name in enumerate(names)}
        sums = marginals
        if len(names) < len(tags):
            sums = marginals @ np.eye(len(names), dtype="float32")[[column[part] for part in parts]]
        items: ItemProbabilities = {}
        for i, (tag, value) in enumerate(zip(path.tolist(), gold)):
            if tag != ABSTAIN:
                items[i, i + 1, parts[tag]] = float(sums[i, column[parts[tag]]])
            if value is not None:
                name = part_of(str(value))
                items[i, i + 1, name] = float(sums[i, column[name]]) if name in column else 0.0
        found[target] = items
    return found


def _pos_of(label: str) -> str:
    return Morphology.feats_to_dict(label).get("POS", "")


def _features_of(label: str) -> str:
    """The features of a label of the target "morph", as `Token.morph` has them."""
    feats = {key: value for key, value in Morphology.feats_to_dict(label).items() if key != "POS"}
    return Morphology.dict_to_feats(feats) or Morphology.EMPTY_MORPH


def _of_spans(pipe: RNNTagger, scores: PathScores, path: Path, gold: Sequence[object]) -> ItemProbabilities:
    index = {tag: i for i, tag in enumerate(pipe.tags)}
    gold_path = np.asarray([index.get(str(tag), 0) for tag in gold], dtype=np.int64)
    items: ItemProbabilities = {}
    for each in (path, gold_path):
        found = pipe.target.segments(each, pipe.labels)
        assert found is not None
        for start, end, label, probability in _rows(found, span_probabilities(scores, each, found)):
            items[start, end, pipe.labels[label]] = probability
    # The component cannot predict a label that it does not know.
    items.update({item: 0.0 for item in _unknown_spans(gold, index) if item not in items})
    return items


def _unknown_spans(gold: Sequence[object], index: Dict[str, int]) -> List[Item]:
    found, start = [], 0
    for i, tag in enumerate(map(str, gold)):
        start = i if tag[0] in "BU" else start
        if tag[0] in "LU" and tag not in index:
            found.append((start, i + 1, tag[2:]))
    return found


def _of_sentences(pipe: RNNTagger, scores: PathScores, path: Path, gold: Sequence[object]) -> ItemProbabilities:
    """A sentence is where it is if its first token starts one, none within it does, and the one after it does."""
    index = {tag: i for i, tag in enumerate(pipe.tags)}
    gold_path = np.asarray([index.get(str(tag), -1) for tag in gold], dtype=np.int64)
    items: ItemProbabilities = {}
    firsts = np.cumsum(scores.lengths) - scores.lengths
    lasts = np.repeat(firsts + scores.lengths, scores.lengths)
    for each in (path, gold_path):
        starts = np.flatnonzero(each == index[START])
        ends = np.append(starts[1:], len(each))[: len(starts)]
        through = np.minimum(ends + 1, lasts[starts]) if len(starts) else ends
        ends = np.minimum(ends, through)
        known = np.asarray([bool((each[s:t] >= 0).all()) for s, t in zip(starts, through)], dtype=bool)
        found = Segments(starts[known], through[known], starts[known])
        probabilities = span_probabilities(scores, np.maximum(each, 0), found)
        for start, end, probability in zip(starts[known].tolist(), ends[known].tolist(), probabilities.tolist()):
            items[start, end, SENTENCE] = probability
    return items


def _rows(found: Segments, probabilities: NDArray[np.float32]) -> Iterable[Tuple[int, int, int, float]]:
    arrays = (*found, np.nan_to_num(probabilities))
    return zip(*(array.tolist() for array in arrays))


def _split(items: ItemProbabilities, lengths: NDArray[np.int64]) -> List[ItemProbabilities]:
    """Part the items of concatenated docs by doc."""
    ends = np.cumsum(lengths)
    parts: List[ItemProbabilities] = [{} for _ in lengths]
    starts = np.asarray([item[0] for item in items], dtype=np.int64)
    docs = np.searchsorted(ends, starts, side="right").tolist()
    for ((start, end, label), probability), doc in zip(items.items(), docs):
        first = int(ends[doc] - lengths[doc])
        parts[doc][start - first, end - first, label] = probability
    return parts
