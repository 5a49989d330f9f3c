"""The reader of docs about which teachers have answered, with gold docs between them."""

from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, List, Optional, Sequence

from spacy.training import Example

from ..chain.temperature import COLDEST, HOTTEST
from ..errors import check_probability, is_number
from ..pipeline.teacher_answers import Mixture, set_mixture
from .corpus import CheckedCorpus, create_corpus
from .held_out import HeldOut

if TYPE_CHECKING:
    from spacy.language import Language

WHERE = "spacy-rnn-tagger.soft_corpus.v1"


class SoftCorpus:
    """Docs with the answers of teachers, and gold docs at a fixed share of the tokens.

    answers (CheckedCorpus): The docs with answers.
    mixture (Mixture): How the answers enter the loss.
    gold (Optional[CheckedCorpus]): The gold docs.
    gold_share (float): Their share of all tokens.
    held_out (Sequence[CheckedCorpus]): Docs whose sentences are not learned from.
    """

    def __init__(
        self,
        answers: CheckedCorpus,
        mixture: Mixture,
        gold: Optional[CheckedCorpus],
        gold_share: float,
        held_out: Sequence[CheckedCorpus],
    ) -> None:
        self.answers, self.mixture, self.gold, self.gold_share = answers, mixture, gold, gold_share
        self.held_out = held_out

    def __call__(self, nlp: "Language") -> Iterator[Example]:
        """Read the data.

        nlp (Language): The pipeline.
        YIELDS (Example): Examples with answers, and gold ones between them, the same ones again if they are too few.
        """
        held_out = HeldOut(doc for corpus in self.held_out for doc in corpus.docs(nlp.vocab))
        gold: List[Example] = [] if self.gold is None else list(self.gold(nlp))
        again = cycle(gold)
        n_soft = n_gold = 0
        for example in self.answers(nlp):
            if len(held_out) and held_out.find(example.reference.text) is not None:
                continue
            set_mixture(example.reference, self.mixture)
            yield example
            n_soft += len(example.predicted)
            while gold and n_gold < self.gold_share / (1 - self.gold_share) * n_soft:
                other = next(again)
                n_gold += len(other.predicted)
                yield other


def create_soft_corpus(
    answers: Optional[Path],
    gold: Optional[Path] = None,
    gold_share: float = 0.25,
    weight: float = 1.0,
    temperature: float = 1.0,
    min_confidence: float = 0.0,
    held_out: Sequence[Path] = (),
    gold_preproc: bool = False,
    max_length: int = 0,
    limit: int = 0,
    augmenter: Optional[Any] = None,
) -> SoftCorpus:
    """Read docs about which teachers have answered (`spacy rnn distill` and `spacy rnn annotate --answers` write them),
    to train on their probabilities.

    answers (Optional[Path]): A .spacy file, or a directory of them.
    gold (Optional[Path]): Gold docs, a .spacy file or a directory of them.
    gold_share (float): The share of gold docs in all tokens, from 0 to less than 1. Where they are too few, they come
        again.
    weight (float): The share `a` of the answers in the loss of a doc that has some, `a T^2 KL + (1 - a) NLL`; NLL is
        that of the annotation that the teacher wrote. 0 for that annotation alone.
    temperature (float): The temperature `T`.
    min_confidence (float): The least probability of a token's likeliest tag; tokens of which the teacher is less sure
        are missing.
    held_out (Sequence[Path]): .spacy files with development and test data; docs with one of their sentences are left
        out.
    gold_preproc (bool): Whether to use sentences and tokens of the docs instead of the pipeline's tokenizer.
    max_length (int): Longest doc in tokens; longer ones are split into sentences or skipped. 0 for no limit.
    limit (int): How many docs with answers to read. 0 for all.
    augmenter (Optional[Callable]): Yields variations of a gold example.
    RETURNS (SoftCorpus): A callable that yields examples, given the pipeline.
    RAISES (ValueError): If a number is not allowed, or no .spacy file lies at a path.
    """
    check_probability(WHERE, weight=weight, min_confidence=min_confidence, gold_share=gold_share)
    if not is_number(temperature) or not COLDEST <= temperature <= HOTTEST:
        raise ValueError(
            f"{WHERE}: temperature = {temperature!r} is not allowed; it must be a number from {COLDEST} to {HOTTEST:g}."
        )
    if gold_share >= 1:
        raise ValueError(f"{WHERE}: gold_share = {gold_share} leaves no room for answers; give less than 1.")
    options: Any = {"gold_preproc": gold_preproc, "max_length": max_length}
    return SoftCorpus(
        create_corpus(answers, limit=limit, **options),
        Mixture(weight, temperature, min_confidence),
        None if gold is None or not gold_share else create_corpus(gold, augmenter=augmenter, **options),
        gold_share,
        [create_corpus(path) for path in held_out],
    )
