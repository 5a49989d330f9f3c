"""Find gold labels that may be wrong."""

from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Sequence

from spacy.tokens import Doc

from ..errors import unknown_name
from ..evaluation.doubts import RANKING, RANKINGS, TargetDoubts, find_in_judged
from ..evaluation.progress import Progress, no_progress
from .out_of_fold import FoldSettings, judge_out_of_fold


@dataclass(frozen=True)
class CorpusDoubts:
    """The doubtful labels of a corpus.

    n_docs (int): Docs of the corpus.
    n_tokens (int): Their tokens.
    settings (FoldSettings): How the models that judged them were trained.
    ranking (str): What the doubts are ranked by.
    targets (List[TargetDoubts]): The doubts of each target.
    """

    n_docs: int
    n_tokens: int
    settings: FoldSettings
    ranking: str
    targets: List[TargetDoubts]


def find_doubts(
    docs: Sequence[Doc],
    settings: Optional[FoldSettings] = None,
    *,
    n: int = 0,
    ranking: str = RANKING,
    folder: Optional[Path] = None,
    progress: Progress = no_progress,
) -> CorpusDoubts:
    """Rank the gold labels of a corpus by how likely they are to models that were trained on the rest of it.

    docs (Sequence[Doc]): The gold docs.
    settings (Optional[FoldSettings]): How the models are trained; the defaults if None.
    n (int): How many doubts of each target to give; 0 for all.
    ranking (str): What to rank by, one of `evaluation.doubts.RANKINGS`.
    folder (Optional[Path]): Where what each model found is kept, so that a run that was stopped goes on from there;
        None to keep nothing.
    progress (Progress): Shows how many models are trained.
    RETURNS (CorpusDoubts): The doubts.
    RAISES (ValueError): If a setting is not allowed, or there is nothing to learn.

    EXAMPLE:
        >>> from spacy_rnn_tagger.training.doubts import find_doubts
        >>> found = find_doubts(docs, n=20)
        >>> for doubt in found.targets[0].doubts:
        ...     print(doubt.text, doubt.given, doubt.other, doubt.other_probability)
    """
    if ranking not in RANKINGS:
        raise unknown_name("doubts", "ranking", ranking, RANKINGS)
    settings = settings or FoldSettings()
    judged = judge_out_of_fold(docs, settings, folder=folder, progress=progress)
    targets = [find_in_judged(docs, name, found, n=n, ranking=ranking) for name, found in judged.items()]
    return CorpusDoubts(len(docs), sum(map(len, docs)), settings, ranking, targets)
