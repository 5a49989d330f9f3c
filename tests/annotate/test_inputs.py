"""Files of every kind as the texts that they hold."""

import csv
import gzip
import io
import json

import pyarrow
import pyarrow.parquet
import pytest
import spacy
from spacy.tokens import Doc, DocBin

from spacy_rnn_tagger.annotate import annotate
from spacy_rnn_tagger.data.building import META

from ..fixtures.annotation_runs import TEXTS, expected_rows, here, model, rejected_of, rows_of, run  # noqa: F401

NAMES = [f"n{i}" for i in range(len(TEXTS))]


def lines(texts=TEXTS):
    return "".join(f"{text}\n" for text in texts).encode()


def json_lines():
    return "".join(json.dumps({"id": n, "text": t, "more": 1}) + "\n" for n, t in zip(NAMES, TEXTS)).encode()


def table(delimiter):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([("id", "text"), *zip(NAMES, TEXTS)])
    return out.getvalue().encode()


def compress_zstd(raw):
    return pyarrow.compress(raw, codec="zstd", asbytes=True)


def parquet():
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"n": [1] * len(TEXTS), "text": TEXTS, "id": NAMES}), out)
    return out.getvalue()


def docbin():
    nlp = spacy.blank("en")
    docs = list(nlp.pipe(TEXTS))
    for name, doc in zip(NAMES, docs):
        doc.user_data[META] = {"id": name}
    return DocBin(docs=docs, store_user_data=True).to_bytes()


FILES = {
    "a.txt": (lines, None),
    "a.TXT": (lines, None),
    "crlf.txt": (lambda: lines().replace(b"\n", b"\r\n"), None),
    "cr.txt": (lambda: lines().replace(b"\n", b"\r"), None),
    "blank.txt": (lambda: lines().replace(b"\n", b"\n\n \n"), None),
    "bom.txt": (lambda: b"\xef\xbb\xbf" + lines(), None),
    "wide.txt": (lambda: lines().decode().encode("utf-16"), None),
    "open.txt": (lambda: lines().rstrip(b"\n"), None),
    "a.txt.gz": (lambda: gzip.compress(lines()), None),
    "a.txt.zst": (lambda: compress_zstd(lines()), None),
    "a.jsonl": (json_lines, NAMES),
    "a.jsonl.gz": (lambda: gzip.compress(json_lines()), NAMES),
    "a.jsonl.zst": (lambda: compress_zstd(json_lines()), NAMES),
    "a.csv": (lambda: table(","), NAMES),
    "semicolons.csv": (lambda: table(";"), NAMES),
    "a.tsv": (lambda: table("\t"), NAMES),
    "a.csv.gz": (lambda: gzip.compress(table(",")), NAMES),
    "a.parquet": (parquet, NAMES),
    "a.spacy": (docbin, NAMES),
}


def without_confidence(rows):
    return [{key: row[key] for key in ("id", "token_start", "token_end", "tag", "ents")} for row in rows]


@pytest.mark.parametrize("name", FILES)
def test_every_kind_gives_what_the_pipeline_finds(here, model, tmp_path, name):  # noqa: F811
    make, ids = FILES[name]
    (tmp_path / name).write_bytes(make())
    done = run(model, tmp_path / name, tmp_path / "out")
    found = rows_of(tmp_path / "out")
    numbers = [i * 3 + 1 if name == "blank.txt" else i + 1 for i in range(len(TEXTS))]
    ids = ids or [f"{tmp_path / name}:{number}" for number in numbers]
    assert without_confidence(found) == expected_rows(model, TEXTS, ids)
    assert (done.n_rows, done.n_rejected, done.n_files) == (len(TEXTS), 0, 1)
    assert done.n_tokens == sum(len(row["tag"]) for row in found)


def test_a_file_can_be_one_document(here, model, tmp_path):  # noqa: F811
    (tmp_path / "a.txt").write_text("Anna Berg\nworks in New York.\n")
    (tmp_path / "b.txt").write_text("They eat ham.")
    run(model, tmp_path, tmp_path / "out", whole_files=True, with_text=True)
    found = rows_of(tmp_path / "out")
    assert [row["text"] for row in found] == ["Anna Berg\nworks in New York.\n", "They eat ham."]
    assert [row["id"] for row in found] == [f"{tmp_path}/a.txt", f"{tmp_path}/b.txt"]


def test_folders_and_patterns(here, model, tmp_path):  # noqa: F811
    texts = tmp_path / "texts"
    (texts / "b").mkdir(parents=True)
    (texts / ".hidden").mkdir()
    for name in ("z.txt", "b/a.txt", "b/c.jsonl", ".hidden/d.txt", "notes.md"):
        (texts / name).write_bytes(json_lines() if name.endswith("jsonl") else lines([name]))
    run(model, texts, tmp_path / "all", with_text=True)
    assert [row["text"] for row in rows_of(tmp_path / "all")] == ["b/a.txt", *TEXTS, "z.txt"]
    run(model, [f"{texts}/**/*.txt"], tmp_path / "some", with_text=True)
    assert [row["text"] for row in rows_of(tmp_path / "some")] == ["b/a.txt", "z.txt"]
    run(model, [texts / "z.txt", texts / "b"], tmp_path / "ordered", with_text=True)
    assert [row["text"] for row in rows_of(tmp_path / "ordered")][0] == "z.txt"


def test_tokens_of_a_spacy_file_are_kept(here, model, tmp_path):  # noqa: F811
    doc = Doc(spacy.blank("en").vocab, words=["New York", "s", "x"], spaces=[False, True, False])
    DocBin(docs=[doc]).to_disk(tmp_path / "a.spacy")
    run(model, tmp_path / "a.spacy", tmp_path / "out", with_text=True)
    (row,) = rows_of(tmp_path / "out")
    assert (row["text"], row["token_start"], row["token_end"]) == ("New Yorks x", [0, 8, 10], [8, 9, 11])


def test_other_fields(here, model, tmp_path):  # noqa: F811
    (tmp_path / "a.jsonl").write_text('{"body": "They eat ham.", "key": 7}\n{"body": "Anna", "key": ""}\n')
    run(model, tmp_path / "a.jsonl", tmp_path / "out", text_field="body", id_field="key")
    assert [row["id"] for row in rows_of(tmp_path / "out")] == ["7", f"{tmp_path}/a.jsonl:2"]


BAD = {
    "a.jsonl": (
        b'{"text": "They eat ham."}\n{"text": 3}\nno json\n[1]\n{"txt": "a"}\n{"text": "\xff"}\n{"text": "Anna"}\n',
        2,
        [
            (2, "the text must be a string, not 3."),
            (3, "this is no JSON: Expecting value at column 1."),
            (4, "the line must be an object with a field 'text', not [1]."),
            (5, "there is no field 'text'; the fields are 'txt'. Did you mean 'txt'?"),
            (6, "the text holds bytes or surrogates that are no characters of UTF-8."),
        ],
    ),
    "a.txt": (b"They eat ham.\n\xff\xfe bytes\nAnna\n", 2, [(2, "the text holds bytes or surrogates")]),
    "a.csv": (
        b'text,id\nThey eat ham.,1\none cell\n"open" x,2\nAnna,3\n',
        2,
        [(3, "the row has 1 cells, but the table 2 columns."), (4, "this is no row of a table")],
    ),
    "a.txt.gz": (
        gzip.compress(lines(["They eat ham."] * 2000), mtime=0)[:-12],
        None,
        [(None, "the rest of the file is damaged or cut off (EOFError")],
    ),
    "a.spacy": (b"x\x9caaa", 0, [(1, "the rest of the file is damaged or cut off")]),
    "a.parquet": (b"PAR1aaaa", 0, [(1, "the rest of the file is damaged or cut off")]),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_damaged_is_listed_and_the_run_goes_on(here, model, tmp_path, name):  # noqa: F811
    content, n_rows, expected = BAD[name]
    (tmp_path / name).write_bytes(content)
    (tmp_path / "z.txt").write_text("Anna Berg\n")
    done = run(model, [tmp_path / name, tmp_path / "z.txt"], tmp_path / "out")
    rejected = rejected_of(tmp_path / "out")
    assert len(rejected) == len(expected) == done.n_rejected
    for found, (line, reason) in zip(rejected, expected):
        assert found["file"] == str(tmp_path / name) and found["reason"].startswith(reason)
        assert line is None or found["line"] == line
    assert n_rows is None or done.n_rows == n_rows + 1
    assert rows_of(tmp_path / "out")[-1]["id"] == f"{tmp_path}/z.txt:1"


@pytest.mark.parametrize(
    "inputs, settings, message",
    [
        ([], {}, "no input is named"),
        (["{folder}/b.txt"], {}, "there is no input '{folder}/b.txt'. Did you mean 'a.txt'?"),
        (["{folder}/*.md"], {}, "no file matches the pattern"),
        (["{folder}/a.txt", "{folder}/a.txt"], {}, "is named twice"),
        (["{folder}/a.pdf"], {}, "has an ending that is not known; allowed: .txt, .jsonl"),
        (["{folder}/empty"], {}, "holds no file that ends with .txt"),
        (["{folder}/a.csv"], {}, "has no column 'text'; its columns are 'texts', 'id'. Did you mean 'texts'?"),
        (["{folder}/a.spacy.gz"], {}, "is compressed already inside"),
        (["{folder}/a.txt"], {"format": "parkett"}, "format = 'parkett' is unknown"),
        (["{folder}/a.txt"], {"shard_tokens": 0}, "shard_tokens = 0"),
        (["{folder}/a.txt"], {"text_field": ""}, "text_field is empty"),
    ],
)
def test_inputs_and_settings_that_are_refused(here, model, tmp_path, inputs, settings, message):  # noqa: F811
    (tmp_path / "a.txt").write_text("Anna\n")
    (tmp_path / "a.pdf").write_text("Anna\n")
    (tmp_path / "a.csv").write_text("texts,id\nAnna,1\n")
    (tmp_path / "a.spacy.gz").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError) as error:
        run(model, [each.format(folder=tmp_path) for each in inputs], tmp_path / "out", **settings)
    assert message.format(folder=tmp_path) in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_pipelines_that_are_refused(tmp_path, model):  # noqa: F811
    (tmp_path / "a.txt").write_text("Anna\n")
    (tmp_path / "broken").mkdir()
    for name, message in (
        (f"{model}s", "Did you mean 'ours'?"),
        (tmp_path / "a.txt", "is a file; name its directory"),
        (tmp_path / "broken", "cannot be loaded"),
    ):
        with pytest.raises(ValueError, match=message.replace("?", r"\?")):
            annotate(name, tmp_path / "a.txt", tmp_path / "out", processes=1)
