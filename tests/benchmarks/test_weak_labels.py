"""The comparison of ways to combine weak sources, in small."""

import spacy
from spacy.tokens import DocBin

from benchmarks import weak_labels

from ..conftest import make_examples


def test_sources_and_combinations_are_scored(nlp, tmp_path, capsys):
    docs = [eg.reference for eg in make_examples(nlp)]
    DocBin(docs=docs * 20).to_disk(tmp_path / "train.spacy")
    page = tmp_path / "page.md"
    page.write_text("<!-- weak-labels: start -->\n<!-- weak-labels: end -->\n")
    path = str(tmp_path / "train.spacy")
    assert weak_labels.main([path, path, "--seeds", "0", "1", "--updates", "2", "--page", str(page)]) == 0
    table = capsys.readouterr().out.strip()
    rows = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in table.splitlines() if "|" in line}
    assert rows["names of the training part"][1].startswith("100.00"), "all names were seen"
    assert [f"together, `--combine {name}`" in rows for name in ("average", "vote", "agreement")] == [True] * 3
    assert table in page.read_text()


def test_a_name_has_its_most_frequent_label(nlp):
    def doc(label):
        return spacy.tokens.Doc(nlp.vocab, words=["New", "York"], ents=[f"B-{label}", f"I-{label}"])

    docs = [doc("B"), doc("A"), doc("A")]
    assert weak_labels.names_of(docs) == {"New York": "A"}
    assert weak_labels.names_of(docs[:2], of_words=True) == {"New": "A", "York": "A"}, "of equals the first"
