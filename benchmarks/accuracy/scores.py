"""One scorer for all systems: accuracy per token, and precision, recall and F1 of entities, under spaCy's names."""

from typing import Dict, List, Sequence

from spacy.scorer import PRFScore

from .sentences import Sentence


def score(gold: List[Sentence], predicted: List[Sentence], fields: Sequence[str]) -> Dict[str, float]:
    """Compare predictions with gold annotation of the same tokens.

    gold (List[Sentence]): Gold sentences.
    predicted (List[Sentence]): The same sentences, labelled by a system. What it left out of `columns` is not scored.
    fields (Sequence[str]): Columns, each scored over all tokens by equality, or "ents": entities of equal start, end
        and label.
    RETURNS (Dict[str, float]): `tag_acc`, `pos_acc`, `morph_acc`, `ents_p`, `ents_r`, `ents_f`, as far as asked for.
    RAISES (ValueError): If the tokens differ.
    """
    if [s.words for s in gold] != [s.words for s in predicted]:
        raise ValueError("the predicted sentences have other tokens than the gold ones")
    scores: Dict[str, float] = {}
    for field in fields:
        if field == "ents":
            prf = PRFScore()
            for g, p in zip(gold, predicted):
                prf.score_set(p.ents, g.ents)
            scores.update(ents_p=prf.precision, ents_r=prf.recall, ents_f=prf.fscore)
        elif all(field in p.columns for p in predicted):
            same = [a == b for g, p in zip(gold, predicted) for a, b in zip(g.columns[field], p.columns[field])]
            scores[f"{field}_acc"] = sum(same) / len(same)
    return scores
