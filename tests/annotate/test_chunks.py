"""Where shards begin and end."""

import gzip
import json

import hypothesis.strategies as st
import pytest
from hypothesis import given

from spacy_rnn_tagger.annotate import AnnotateSettings
from spacy_rnn_tagger.annotate.chunks import cut, make_chunks
from spacy_rnn_tagger.annotate.inputs import find_inputs
from spacy_rnn_tagger.annotate.pieces import estimate_tokens
from spacy_rnn_tagger.annotate.texts import read_segment

from ..fixtures.annotation_runs import here, model, rows_of, run  # noqa: F401


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 40))
def test_groups_hold_all_items_and_no_more_than_the_most(sizes, most):
    groups = list(cut(enumerate(sizes), lambda item: item[1], most))
    assert [i for group in groups for i, _ in group] == list(range(len(sizes)))
    for group, following in zip(groups, [*groups[1:], None]):
        size = sum(each for _, each in group)
        assert group and (size <= most or len(group) == 1)
        assert following is None or size + following[0][1] > most  # nothing that fits is left for the next


LINES = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"), max_size=30), max_size=30)


@given(LINES, LINES, LINES, st.integers(1, 40))
def test_chunks_hold_each_text_once_in_order(tmp_path_factory, first, second, third, most):
    folder = tmp_path_factory.mktemp("texts")
    (folder / "a.txt").write_bytes("\n".join(first).encode())
    (folder / "b.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in second))
    (folder / "c.txt.gz").write_bytes(gzip.compress("\n".join(third).encode()))
    settings = AnnotateSettings(format="jsonl", shard_tokens=most)
    files = find_inputs(folder)
    chunks = list(make_chunks(files, settings))
    found = [record for chunk in chunks for segment in chunk.segments for record in read_segment(segment, settings)]
    plain = [[text for text in each if text.strip()] for each in (first, third)]
    assert [record.text for record in found] == [*plain[0], *second, *plain[1]]
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    assert sum(chunk.n_bytes for chunk in chunks) <= sum(file.size for file in files)
    for chunk in chunks:
        n_texts = sum(len(list(read_segment(segment, settings))) for segment in chunk.segments)
        assert chunk.n_tokens <= most or n_texts <= 1


@pytest.mark.parametrize(
    "text, expected", [("", 1), ("one", 1), ("one two three", 3), ("a" * 60, 10), ("ก" * 20, 10), ("中文" * 9, 9)]
)
def test_tokens_are_estimated(text, expected):
    assert estimate_tokens(text.encode()) == expected


def test_a_thousand_tiny_files_and_a_huge_one(here, model, tmp_path):  # noqa: F811
    (tmp_path / "texts").mkdir()
    for i in range(1000):
        (tmp_path / "texts" / f"{i:04}.txt").write_text("Anna Berg eats ham.")
    (tmp_path / "texts" / "0500.txt").write_text("They eat ham. " * 2000)
    done = run(model, tmp_path / "texts", tmp_path / "out", shard_tokens=2000)
    assert (done.n_files, done.n_rows, done.n_shards) == (1000, 1000, 3)
    shards = [len((tmp_path / "out" / f"shard-{i:06}.jsonl").read_text().splitlines()) for i in range(3)]
    assert shards == [500, 1, 499]
    assert [row["id"] for row in rows_of(tmp_path / "out")] == [f"{tmp_path}/texts/{i:04}.txt:1" for i in range(1000)]
