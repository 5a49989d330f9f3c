"""JSONL of `Doc.to_json`, and ["text", {"entities": [...]}] as spaCy 2 had training data."""

import json
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from spacy.tokens import Doc

from ...errors import is_number
from ..annotations import meta_of, spans_of, token_scores
from ..json_items import read_items
from ..reading import Reading, Writing
from ..records import Record
from ..span_items import spans_of_items, text_of

SPANS = ("ents", "entities")
TOKENS = ("tokens", "sents", "cats")
OURS = ("scores", "alternatives")
"""What `spacy_rnn_tagger.to_json` adds to tokens, and spaCy's schema does not allow."""


def read_spacy_json(reading: Reading) -> Iterator[Record]:
    """The docs of a file that `Doc.to_json` wrote.

    reading (Reading): The file.
    YIELDS (Record): A doc, with its tokens and their values if the file has them.
    """
    for line, item in _examples(reading):
        if isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], dict):
            item = {"text": item[0], **item[1]}
        if not isinstance(item, dict):
            reading.bad(line, f'each line must be an object with a "text", not {item!r:.60}.')
            continue
        record = _record(reading, line, item)
        if record is not None:
            yield record


def _examples(reading: Reading) -> Iterator[Tuple[int, Any]]:
    """The objects of a file; those inside of what the "NER Annotator" tools for spaCy 2 export, {"classes": [...],
    "annotations": [["text", {"entities": [...]}], null, ...]}."""
    for line, item in read_items(reading):
        if isinstance(item, dict) and "classes" in item and isinstance(item.get("annotations"), list):
            for each in item["annotations"]:
                if each is None:
                    reading.count("Texts that were skipped when they were annotated (null), left out: {n}.")
                else:
                    yield line, each
        else:
            yield line, item


def write_spacy_json(docs: Iterable[Doc], writing: Writing) -> None:
    """Write what `Doc.to_json` gives, one doc a line, with the probabilities that a pipeline of this package stored.

    docs (Iterable[Doc]): The docs.
    writing (Writing): The file.
    """
    with writing.path.open("w", encoding="utf8", newline="\n") as file:
        for doc in docs:
            item: Dict[str, Any] = dict(doc.to_json())
            entities = Writing(writing.path, register_scores=writing.register_scores)
            for ent, span in zip(item.get("ents", ()), spans_of(doc, entities)):
                ent.update({} if span.score is None else {"score": span.score})
            for layer, values in token_scores(doc, entities).items():
                for token, value in zip(item["tokens"], values if layer != "ents" else ()):
                    token.setdefault("scores", {})[layer] = value
            meta = meta_of(doc)
            scores = {key: list(map(float, group.attrs.get("scores", ()))) for key, group in doc.spans.items()}
            scores = {key: values for key, values in scores.items() if values}
            item.update({name: value for name, value in (("meta", meta), ("scores", scores)) if value})
            file.write(json.dumps(item, ensure_ascii=False) + "\n")


def _record(reading: Reading, line: int, item: Dict[str, Any]) -> Optional[Record]:
    text = text_of(reading, line, item)
    field = next((name for name in SPANS if name in item), None)
    spans = None if text is None else spans_of_items(reading, line, item[field] if field else None)
    if text is None or spans is None:
        return None
    record = Record(line, text=text, spans=spans if field else None)
    record.meta = dict(item["meta"]) if isinstance(item.get("meta"), dict) else {}
    groups = item.get("spans") or {}
    if not isinstance(groups, dict):
        reading.bad(line, f'"spans" must be an object of lists by key, not {groups!r:.60}.')
        return None
    for key, group in groups.items():
        found = spans_of_items(reading, line, group)
        if found is None:
            return None
        scores = (item.get("scores") or {}).get(key, [])
        if len(scores) == len(found):
            found = [span._replace(score=score) for span, score in zip(found, scores)]
        record.groups[key] = found
    if item.get("tokens"):
        try:
            content = {"text": text, **{name: item[name] for name in TOKENS if name in item}}
            content["tokens"] = [{k: v for k, v in token.items() if k not in OURS} for token in item["tokens"]]
            record.doc = Doc(reading.vocab).from_json(content, validate=True)
            if record.doc.text != text:
                raise ValueError("the tokens are not the text")
            record.scores = _scores(item["tokens"])
        except Exception as e:
            # spaCy raises whatever the damaged value leads to: ValueError, KeyError, TypeError.
            reading.bad(
                line, f"the tokens cannot be read as `Doc.to_json` writes them: {' '.join(str(e).split())[:160]}"
            )
            return None
    return record


def _scores(tokens: List[Dict[str, Any]]) -> Dict[str, List[Optional[float]]]:
    """The probabilities of tokens by what they are about."""
    given = [scores if isinstance(scores, dict) else {} for scores in (token.get("scores") for token in tokens)]
    found: Dict[str, List[Optional[float]]] = {}
    for layer in {name: None for scores in given for name in scores}:
        values: List[Any] = [scores.get(layer) for scores in given]
        found[layer] = [float(value) if is_number(value) else None for value in values]
    return found
