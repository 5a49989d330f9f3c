"""What a pipeline writes to docs, and so which columns its rows have."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from spacy.language import Language

from ..pipeline.rnn_tagger import RNNTagger

TOKEN_LAYERS = {"tag": "TAG", "pos": "POS", "morph": "MORPH", "lemma": "LEMMA", "dep": "DEP"}
"""Columns with a label for each token, and the attributes that hold them."""
ASSIGNED = {
    "token.tag": "tag",
    "token.pos": "pos",
    "token.morph": "morph",
    "token.lemma": "lemma",
    "token.dep": "dep",
    "token.head": "head",
    "token.is_sent_start": "sents",
    "doc.sents": "sents",
    "doc.ents": "ents",
    "token.ent_type": "ents",
    "doc.cats": "cats",
}
"""What spaCy's factories say that they assign, and the column that it becomes."""
TARGETS = {"tag": ["tag"], "pos": ["pos"], "morph": ["pos", "morph"], "ents": ["ents"], "sents": ["sents"]}
"""The columns of our components' targets."""


@dataclass
class Layers:
    """What a pipeline writes.

    tokens: The columns with a label for each token.
    heads: Whether there are trees.
    ents: Whether there are entities.
    sents: Whether there are sentences.
    cats: Whether there are categories of texts.
    groups: The keys of span groups.
    extensions: The custom attributes of tokens.
    scored: The keys under which our components keep probabilities, by the column that they are about. A column of span
        groups is "spans:<key>", one of custom attributes "_.<name>".
    """

    tokens: List[str] = field(default_factory=list)
    heads: bool = False
    ents: bool = False
    sents: bool = False
    cats: bool = False
    groups: List[str] = field(default_factory=list)
    extensions: List[str] = field(default_factory=list)
    scored: Dict[str, str] = field(default_factory=dict)

    def add(self, column: str) -> None:
        """Add a column. column (str): One of the values of `ASSIGNED`, "spans:<key>" or "_.<name>"."""
        if column in TOKEN_LAYERS:
            _append(self.tokens, column)
        elif column == "head":
            self.heads = True
        elif column in ("ents", "sents", "cats"):
            setattr(self, column, True)
        elif column.startswith("spans:"):
            _append(self.groups, column.split(":", 1)[1])
        elif column.startswith("_."):
            _append(self.extensions, column[2:])


def layers_of(nlp: Language, *, scores: bool = False) -> Layers:
    """What a pipeline writes, in the order of its components.

    nlp (Language): The pipeline.
    scores (bool): Whether probabilities are asked for.
    RETURNS (Layers): The layers.
    """
    layers = Layers()
    for name, pipe in nlp.pipeline:
        columns = _columns_of(nlp, name, pipe)
        for column in columns:
            layers.add(column)
            # What a later component writes to the same place has other probabilities, or none.
            layers.scored.pop(column, None)
        if scores and isinstance(pipe, RNNTagger):
            layers.scored.update(dict.fromkeys(columns, pipe.scores_key or name))
    return layers


def score_settings(nlp: Language) -> Dict[str, Dict[str, Any]]:
    """RETURNS (Dict[str, Dict[str, Any]]): What `nlp.pipe` is given as `component_cfg`, so that our components keep
    probabilities. nlp (Language): The pipeline."""
    return {name: {"store_scores": True} for name, pipe in nlp.pipeline if isinstance(pipe, RNNTagger)}


def _columns_of(nlp: Language, name: str, pipe: Any) -> List[str]:
    if isinstance(pipe, RNNTagger):
        return TARGETS.get(pipe.target.name, [pipe.target.name])
    meta = nlp.get_pipe_meta(name)
    if meta.factory == "attribute_ruler":
        rules = (rule.get("attrs", {}) for rule in pipe.patterns)
        written = {str(attr).lower() for attrs in rules for attr in attrs}
        return [column for column in TOKEN_LAYERS if column in written]
    columns = [ASSIGNED[each] for each in meta.assigns if each in ASSIGNED]
    if "doc.spans" in meta.assigns:
        key = _spans_key(pipe)
        columns += [] if key is None else [f"spans:{key}"]
    return columns + [each.removeprefix("token.") for each in meta.assigns if each.startswith("token._.")]


def _spans_key(pipe: Any) -> Optional[str]:
    key = getattr(pipe, "key", None) or getattr(pipe, "cfg", {}).get("spans_key")
    return key if isinstance(key, str) else None


def _append(names: List[str], name: str) -> None:
    if name not in names:
        names.append(name)
