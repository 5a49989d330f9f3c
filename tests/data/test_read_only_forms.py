"""Forms that are read, but not written."""

import json

import pytest
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from spacy_rnn_tagger.data import ReadSettings, convert

KAGGLE = "Sentence #,Word,POS,Tag\nSentence: 1,Thousands,NNS,O\n,of,IN,O\n,London,NNP,B-geo\n"
KAGGLE += 'Sentence: 2,"Mr, X",NNP,B-per\n,sings,VBZ,O\n'
ONTONOTES = """#begin document (bc/a); part 000
bc/a 0 0 In IN (TOP(S(PP* - - - Speaker *       * -
bc/a 0 1 the DT (NP*      - - - Speaker (DATE*  * -
bc/a 0 2 summer NN *)     summer - 1 Speaker *)  * (1)

bc/a 0 0 Paris NNP *      - - - Speaker (GPE)   -
#end document
#begin document (bc/a); part 001
bc/a 1 0 New NNP *        - - - Speaker (GPE*   -
bc/a 1 1 York NNP *       - - - Speaker *       -
bc/a 1 2 City NNP *       - - - Speaker *)      -
bc/a 1 3 Berg NNP *       - - - Speaker (PERSON) -
#end document
"""
COLUMNS = {"tokens": [["Anna", "Berg", "sings"], ["x"]], "ner_tags": [[1, 2, 0], [0]]}
NAMES = ["O", "B-PER", "I-PER"]
PER = ["Anna Berg sings", "x"], [[("Anna Berg", "PER")], []]
KAGGLE_DOCS = ["Thousands of London", "Mr, X sings"], [[("London", "geo")], [("Mr, X", "per")]]
FORMS = {
    "kaggle.csv": (KAGGLE, "csv", *KAGGLE_DOCS),
    "repeated.csv": ("sentence_id;token;pos;ner\n1;Anna;X;B-PER\n1;Berg;X;I-PER\n1;sings;X;O\n2;x;X;O\n", "csv", *PER),
    "empty-rows.csv": ("word,ner\nAnna,B-PER\nBerg,I-PER\nsings,O\n\nx,O\n", "csv", *PER),
    "tags.tsv": ("sentence\tword\ttag\n1\tAnna\tNNP\n2\tx\tNN\n", "tsv", ["Anna", "x"], [[], []]),
    "a.v4_gold_conll": (
        ONTONOTES,
        "conll",
        ["In the summer Paris", "New York City Berg"],
        [[("the summer", "DATE"), ("Paris", "GPE")], [("New York City", "GPE"), ("Berg", "PERSON")]],
    ),
    "features.json": (
        json.dumps({**COLUMNS, "features": {"ner_tags": {"feature": {"names": NAMES}, "_type": "Sequence"}}}),
        "hf",
        *PER,
    ),
    "list.json": (json.dumps({**COLUMNS, "features": {"ner_tags": [{"names": NAMES}]}}), "hf", *PER),
    "pandas.json": (
        json.dumps({name: dict(enumerate(values)) for name, values in COLUMNS.items()})
        .replace("[1, 2, 0]", '["B-PER", "I-PER", "O"]')
        .replace("[0]", '["O"]'),
        "hf",
        *PER,
    ),
    "viewer.json": (
        json.dumps(
            {
                "features": [{"name": "ner_tags", "type": {"feature": {"names": NAMES}}}],
                "rows": [{"row": dict(zip(COLUMNS, values))} for values in zip(*COLUMNS.values())],
            }
        ),
        "hf",
        *PER,
    ),
    "annotator.json": (
        json.dumps(
            {
                "classes": ["PER"],
                "annotations": [["Anna Berg sings", {"entities": [[0, 9, "PER"]]}], None, ["x", {"entities": []}]],
            }
        ),
        "spacy-json",
        *PER,
    ),
    "spacy2.json": (
        json.dumps([["Anna Berg sings", {"entities": [[0, 9, "PER"]]}], ["x", {"entities": []}]]),
        "spacy-json",
        *PER,
    ),
}


def docs_of(path):
    return list(DocBin().from_disk(path).get_docs(Vocab()))


@pytest.mark.parametrize("name", FORMS)
def test_forms_are_recognised_and_read(name, tmp_path):
    content, form, texts, ents = FORMS[name]
    (tmp_path / name).write_text(content, encoding="utf8")
    report = convert(tmp_path / name, tmp_path / "a.spacy")
    docs = docs_of(tmp_path / "a.spacy")
    assert report.files[0].format == form and not report.misaligned.n
    assert [doc.text.strip() for doc in docs] == texts
    assert [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs] == ents
    assert any(doc.has_annotation("ENT_IOB") for doc in docs) == (name != "tags.tsv")


def test_what_stands_beside_the_words(tmp_path):
    for name in ("kaggle.csv", "tags.tsv", "a.v4_gold_conll"):
        (tmp_path / name).write_text(FORMS[name][0])
        convert(tmp_path / name, tmp_path / f"{name}.spacy")
    assert [token.tag_ for token in docs_of(tmp_path / "kaggle.csv.spacy")[0]] == ["NNS", "IN", "NNP"]
    assert [doc[0].tag_ for doc in docs_of(tmp_path / "tags.tsv.spacy")] == ["NNP", "NN"]
    first, second = docs_of(tmp_path / "a.v4_gold_conll.spacy")
    assert [(t.tag_, t.lemma_) for t in first] == [("IN", ""), ("DT", ""), ("NN", "summer"), ("NNP", "")]
    assert [len(sent) for sent in first.sents] == [3, 1] and second.user_data["meta"] == {"id": "(bc/a); part 001"}


def test_columns_of_other_names(tmp_path):
    (tmp_path / "a.csv").write_text("no,Wort,Art\n1,Anna,B-PER\n2,x,O\n")
    read = ReadSettings(format="csv", columns=["word=Wort", "ents=Art", "sentence=no"])
    assert convert(tmp_path / "a.csv", tmp_path / "a.spacy", read=read).labels == {"PER": 1}
    read = ReadSettings(format="csv", columns=["word=Wort", "ents=Arten"])
    with pytest.raises(ValueError, match="there is no column 'Arten' for ents"):
        convert(tmp_path / "a.csv", tmp_path / "b.spacy", read=read)


def test_brackets_as_words_are_no_python(tmp_path):
    (tmp_path / "a.conll").write_text("(\t-LRB-\tO\nAnna\tNNP\tB-PER\n)\t-RRB-\tO\n")
    assert convert(tmp_path / "a.conll", tmp_path / "a.spacy").files[0].format == "conll"
