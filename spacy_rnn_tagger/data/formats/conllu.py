"""CoNLL-U (https://universaldependencies.org/format.html): ten columns, with multiword tokens, empty nodes and
metadata."""

import re
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

from spacy.tokens import Doc

from ..annotations import entity_tags, meta_of, score_of, score_text, sentences_of, words_to_write
from ..encodings import read_lines
from ..reading import Reading, Writing
from ..records import Record
from ..report import count
from .conll import scores_to_write

FIELDS = "ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC".split()
ENTITY = re.compile(r"(?:(?:name|NE|ner|NER|Entity)=)?([BILUMESW]-[^()|]+|O)")
EMPTY_NODES = "Empty nodes (such as 8.1), left out because a doc has no place for them: {n}."
MULTIWORD = (
    "Multiword tokens, taken as their syntactic words, which carry the annotation and of which the text is "
    "put together: {n}."
)
UNTAGGED = "# untagged = missing"
"""What a file of ours says first: a token outside of entities has a tag too, so that one without is not annotated."""
CONFIDENCE = re.compile(r"(?:Confidence|Score)(?:\[(\w+)\])?=(.*)")
"""An entry of MISC with a probability: `Confidence[tag]=0.9`, of what is in the brackets."""
LAYERS = ("tag", "pos", "morph", "ents")
NO_TREE = "Sentences without a tree, because some of their words have a HEAD of _: {n}."


def read_conllu(reading: Reading) -> Iterator[Record]:
    """The sentences of a CoNLL-U file.

    reading (Reading): The file.
    YIELDS (Record): A sentence, with its words, values and tree; `# newdoc` begins a document.
    """
    reading.columns = FIELDS
    rows: List[Tuple[int, List[str]]] = []
    meta: Dict[str, str] = {}
    for number, line in read_lines(reading):
        if not line.strip():
            if rows:
                yield from _sentence(rows, meta, reading)
                rows, meta = [], {}
        elif line.startswith("#"):
            name, _, value = line[1:].partition("=")
            meta[name.strip()] = value.strip()
            reading.untagged_is_missing |= line.strip() == UNTAGGED
        else:
            parts = line.split("\t")
            if len(parts) != len(FIELDS):
                hint = "; columns are parted by tabs, not spaces" if "\t" not in line else ""
                reading.bad(
                    number,
                    f"the line has {count(len(parts), 'column')}, but CoNLL-U has ten ({' '.join(FIELDS)}){hint}.",
                )
                continue
            if not re.fullmatch(r"\d+([.-]\d+)?", parts[0]):
                reading.bad(number, f"the ID {parts[0]!r} is no number, range such as 3-4, or empty node such as 8.1.")
                continue
            rows.append((number, parts))
    if rows:
        yield from _sentence(rows, meta, reading)


def write_conllu(docs: Iterable[Doc], writing: Writing) -> None:
    """Write words, lemmas, tags, features and trees; entities in iob2, and on request probabilities, stand in the
    column MISC.

    docs (Iterable[Doc]): The docs.
    writing (Writing): The file.
    """
    with writing.path.open("w", encoding="utf8", newline="\n") as file:
        file.write(f"{UNTAGGED}\n")
        for n, doc in enumerate(docs, 1):
            name = " ".join(str(meta_of(doc).get("id", f"doc-{n}")).split())
            file.write(f"# newdoc id = {name}\n")
            file.write("".join(_sentence_lines(doc, writing)) or "\n")


def _sentence_lines(doc: Doc, writing: Writing) -> Iterator[str]:
    scores = scores_to_write(doc, writing)
    tags = dict(zip(range(len(doc)), entity_tags(list(doc), writing)))
    known = any(tag != "-" for tag in tags.values())
    has_tree = doc.has_annotation("DEP")
    written = {token.i for token in words_to_write(doc, writing)}
    for sent in sentences_of(doc):
        tokens = [token for token in sent if token.i in written]
        if not tokens:
            continue
        yield f"# text = {' '.join(sent.text.split())}\n"
        ids = {token.i: str(i) for i, token in enumerate(tokens, 1)}
        for token in tokens:
            is_root = token.head.i == token.i
            head = "0" if is_root and token.dep_ else ids.get(token.head.i, "_")
            misc = [f"NE={tags[token.i]}"] if known else []
            known_scores = {layer: scores[layer][token.i] for layer in LAYERS if layer in scores}
            misc += [f"Confidence[{layer}]={score_text(p)}" for layer, p in known_scores.items() if p is not None]
            misc += [] if token.whitespace_ else ["SpaceAfter=No"]
            dep = "root" if token.dep_ == "ROOT" else token.dep_
            values = [token.text, token.lemma_, token.pos_, token.tag_, str(token.morph)]
            tree = [head, dep] if has_tree and dep else ["_", "_"]
            row = [ids[token.i], *values, *tree, "_", "|".join(misc)]
            yield "\t".join(re.sub(r"[\t\r\n]", " ", value) or "_" for value in row) + "\n"
        yield "\n"


def _sentence(rows: List[Tuple[int, List[str]]], meta: Dict[str, str], reading: Reading) -> Iterator[Record]:
    words, ranges = _words(rows, reading)
    if not words:
        return
    forms = [parts[1] for _, parts in words]
    ids = {parts[0]: i for i, (_, parts) in enumerate(words)}
    record = Record(rows[0][0], words=forms, lines=[number for number, _ in words], is_sentence=True)
    record.new_doc = any(name.startswith("newdoc") for name in meta)
    document = next((value for name, value in meta.items() if name.startswith("newdoc") and value), None)
    record.meta = {"id": document} if document else {}
    record.spaces = ["SpaceAfter=No" not in parts[9].split("|") for _, parts in words]
    for first, last, space in ranges:
        for i in range(ids.get(first, 0), ids.get(last, -1) + 1):
            record.spaces[i] = space if i == ids[last] else False
    for name, at in (("lemma", 2), ("pos", 3), ("tag", 4), ("morph", 5), ("dep", 7)):
        values = [_value(parts, at) for _, parts in words]
        if any(values):
            record.columns[name] = values
    broken = next((n for n, parts in words if any("=" not in f for f in parts[5].split("|")) and parts[5] != "_"), None)
    if broken is not None:
        reading.bad(broken, "FEATS must be _ or pairs such as Case=Nom|Number=Sing.")
        return
    heads = _heads(words, ids, reading)
    if heads is None:
        return
    record.heads = heads or None
    if record.heads is None:
        record.columns.pop("dep", None)
    else:
        record.columns["dep"] = [
            "ROOT" if dep == "root" else dep for dep in record.columns.get("dep", [""] * len(forms))
        ]
    tags = [_entity(parts[9]) for _, parts in words]
    record.scores = _scores(words, tags, reading)
    if any(tags) or reading.untagged_is_outside:
        record.tags = [tag or ("O" if reading.untagged_is_outside else "-") for tag in tags]
    yield record


def _words(
    rows: List[Tuple[int, List[str]]], reading: Reading
) -> Tuple[List[Tuple[int, List[str]]], List[Tuple[str, str, bool]]]:
    """The syntactic words; the first and last of each multiword token, and whether a space follows it."""
    words, ranges = [], []
    for number, parts in rows:
        if "." in parts[0]:
            reading.count(EMPTY_NODES)
        elif "-" in parts[0]:
            reading.count(MULTIWORD)
            first, last = parts[0].split("-")
            ranges.append((first, last, "SpaceAfter=No" not in parts[9].split("|")))
        elif not parts[1]:
            reading.bad(number, "the FORM is empty.")
        else:
            words.append((number, parts))
    return words, ranges


def _heads(words: List[Tuple[int, List[str]]], ids: Dict[str, int], reading: Reading) -> Optional[List[int]]:
    """The head of each word; an empty list if there is no tree, None if the sentence is damaged and left out."""
    given = [parts[6] for _, parts in words]
    if "_" in given:
        if any(head != "_" for head in given):
            reading.count(NO_TREE)
        return []
    heads: List[int] = []
    for i, (number, parts) in enumerate(words):
        if parts[6] != "0" and parts[6] not in ids:
            reading.bad(number, f"the HEAD {parts[6]!r} is the ID of no word of the sentence.")
            return None
        heads.append(i if parts[6] == "0" else ids[parts[6]])
    for i, (number, _) in enumerate(words):
        at, steps = i, 0
        while heads[at] != at and steps <= len(heads):
            at, steps = heads[at], steps + 1
        if steps > len(heads):
            reading.bad(number, "the heads form a circle, so that the sentence has no tree.")
            return None
    return heads


def _value(parts: List[str], at: int) -> str:
    """A value, "" for _; but the lemma and tag of an underscore may be one."""
    return "" if parts[at] == "_" and not (at == 2 and parts[1] == "_") else parts[at]


def _scores(
    words: List[Tuple[int, List[str]]], tags: List[Optional[str]], reading: Reading
) -> Dict[str, List[Optional[float]]]:
    """The probabilities of each word, by what they are about. One that does not say so is that of an entity if the word
    is in one, else of its tag."""
    found: Dict[str, List[Optional[float]]] = {}
    for i, (number, parts) in enumerate(words):
        for part in parts[9].split("|") if "Confidence" in parts[9] or "Score" in parts[9] else ():
            entry = CONFIDENCE.fullmatch(part)
            if entry is None:
                continue
            layer = entry[1] or ("ents" if tags[i] not in (None, "O", "-") else "tag")
            try:
                score = score_of(entry[2])
            except ValueError:
                reading.bad(number, f"{part!r} is no probability; it must be a number from 0 to 1.")
                continue
            if layer in LAYERS:
                found.setdefault(layer, [None] * len(words))[i] = score
    return found


def _entity(misc: str) -> Optional[str]:
    for part in misc.split("|"):
        found = ENTITY.fullmatch(part)
        if found:
            return found[1]
        if part in ("NE=-", "NER=-"):
            return "-"
    return None
