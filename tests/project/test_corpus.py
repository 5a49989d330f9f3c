"""The bundled corpus and its validator."""

import shutil

import pytest
import spacy
from spacy.tokens import DocBin

from ..conftest import ROOT

CORPUS = ROOT / "assets" / "corpus"


def test_the_bundled_corpus_is_sound(run_script):
    code, out, err = run_script("corpus.py", "check", CORPUS)
    assert code == 0, err
    assert all(label in out for label in ("PERSON", "NORP", "FAC", "ORG", "GPE", "LOC", "DATE", "MONEY"))
    assert all(genre in out for genre in ("news", "letters", "reviews", "chat", "instructions", "encyclopaedic"))


def test_conversion_keeps_the_annotation(run_script, tmp_path):
    assert run_script("corpus.py", "convert", CORPUS, tmp_path)[0] == 0
    vocab = spacy.blank("en").vocab
    docs = list(DocBin().from_disk(tmp_path / "test.spacy").get_docs(vocab))
    doc = next(doc for doc in docs if doc.text.startswith("Red Fort"))
    assert [t.ent_type_ or "O" for t in doc] == ["FAC", "FAC", "O", "O", "GPE", "O"]
    assert [t.pos_ for t in doc] == ["PROPN", "PROPN", "AUX", "ADP", "PROPN", "PUNCT"]
    retokenized = spacy.blank("en").make_doc(doc.text)
    assert [t.text for t in retokenized] == [t.text for t in doc]
    assert sum(1 for doc in docs for _ in doc.sents) >= 60


GOOD = "# doc a-1 | news\nAnna likes Delhi.\n[PERSON Anna/PROPN] likes/VERB [GPE Delhi/PROPN] ./PUNCT\n"


@pytest.mark.parametrize(
    "old,new,message",
    [
        ("likes/VERB", "likes/VRB", "train.txt:3: 'likes/VRB' is not form/UPOS"),
        ("likes/VERB", "likes", "train.txt:3: 'likes' is not form/UPOS"),
        ("likes/VERB", "like/VERB", "train.txt:3: the tokens spell"),
        ("[GPE", "[GPEE", "train.txt:3: 'GPEE' is not an entity type"),
        ("Delhi/PROPN]", "Delhi/PROPN", "train.txt:3: the entity [GPE ... is not closed"),
        ("[GPE Delhi", "Delhi", "train.txt:3: 'Delhi/PROPN]' closes an entity that was not opened"),
        ("Anna/PROPN]", "Anna/PROPN", "train.txt:3: '[GPE' opens an entity inside another"),
        ("# doc a-1 | news\n", "", "train.txt:1: a '# doc ID | genre' line must come first"),
        ("\n[PERSON", "\n\n[PERSON", "train.txt:3: the sentence 'Anna likes Delhi.' has no line of tokens"),
    ],
)
def test_the_validator_names_the_place(run_script, tmp_path, old, new, message):
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.txt").write_text(GOOD)
    (tmp_path / "train.txt").write_text(GOOD.replace(old, new))
    code, _, err = run_script("corpus.py", "convert", tmp_path, tmp_path / "out")
    assert code == 1 and message in err
    assert not (tmp_path / "out").exists()


def test_the_validator_finds_leaks_and_wrong_tokens(run_script, tmp_path):
    shutil.copytree(CORPUS, tmp_path / "corpus")
    train, test = tmp_path / "corpus" / "train.txt", tmp_path / "corpus" / "test.txt"
    tokens = "[FAC The/DET Red/PROPN Fort/PROPN] is/AUX in/ADP [GPE Delhi/PROPN] !/PUNCT"
    leak = f"\n# doc leak-1 | news\nThe Red Fort is in Delhi!\n{tokens}\n"
    wrong = "\nI can't.\nI/PRON can't/VERB ./PUNCT\n"
    train.write_text(train.read_text(encoding="utf8") + leak + wrong, encoding="utf8")
    code, _, err = run_script("corpus.py", "check", tmp_path / "corpus")
    assert code == 1
    assert "test test.txt:3 repeats train train.txt" in err and "'Red Fort is in Delhi.'" in err
    assert "are not spaCy's ['I', 'ca', \"n't\", '.']" in err
    test.unlink()
    assert "there is no test.txt" in run_script("corpus.py", "check", tmp_path / "corpus")[2]
