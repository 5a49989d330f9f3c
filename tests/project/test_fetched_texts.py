"""Text for students, taken from small archives of the same layout."""

import hashlib
import io
import tarfile

import pytest

from scripts import fetch_texts
from scripts.packages import Package

MAIL = """From someone@example.org  Thu Aug 29 2002
Subject: a subject that is no paragraph of prose at all.

On Thursday, somebody wrote the following words about it:

> What others wrote before is quoted, and is not taken again.

I think that the two of them
are right, aren't they?

Greg> Quoted in another way, with a name before each of the lines.

Too short.

#include <stdio.h> is not what a student of English should learn.

A sentence without its end is mostly a heading or a list
"""


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Puts an archive in place of a package, with these texts."""

    def make(name, files):
        path = tmp_path / f"{name}.tgz"
        with tarfile.open(path, "w:gz") as tar:
            for file, content in files.items():
                info = tarfile.TarInfo(file)
                data = content.encode("utf8")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        checksum = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setitem(fetch_texts.PACKAGES, name, Package(path.name, checksum, ("false",)))
        monkeypatch.setattr(fetch_texts, "TEXTS", tmp_path)

    return make


def test_mail_is_prose_that_its_writer_wrote(archive):
    archive(
        "mail",
        {
            "package/data/easy-ham-1/1.txt": MAIL,
            "package/data/spam-1/2.txt": MAIL.replace("two of them", "ten of them"),
            "package/data/easy-ham-2/3.txt": MAIL,
            "package/data/hard-ham-1/4.txt": MAIL.replace("two of them", "<b>four</b> of them"),
            "package/data/easy-ham-1/5.json": MAIL.replace("two of them", "six of them"),
        },
    )
    assert fetch_texts.paragraphs("mail") == ["I think that the two of them are right, aren't they?"]


def test_speeches_are_those_since_1900_in_pieces_of_whole_sentences(archive):
    sentence = "The state of the Union is strong and it is getting stronger every year."
    archive(
        "speeches",
        {"data/1899_a.txt": "An old speech of many words is not among them.", "data/1902_b.txt": f"{sentence} " * 9},
    )
    paragraphs = fetch_texts.paragraphs("speeches")
    assert [text.count(sentence) for text in paragraphs] == [5, 4], "each piece is at least sixty words, but the last"
