"""The script that makes a pipeline of the vectors that a package has as JSON."""

import json

import numpy
import spacy

from scripts.fetch_vectors import WIDTH, make_pipeline


def test_the_pipeline_looks_words_up_in_lower_case(tmp_path):
    rows = numpy.random.default_rng(0).normal(size=(6, WIDTH)).round(4)
    words = ["the", ",", '"', "}", "{", "café"]
    vectors = {word: [*row.tolist(), 5.82, i] for i, (word, row) in enumerate(zip(words, rows))}
    package = {"precision": 8, "words": words, "vectors": vectors, "unkVector": [0.0] * (WIDTH + 2)}
    text = json.dumps(package, ensure_ascii=False, separators=(",", ":"))
    make_pipeline(text, "float32").to_disk(tmp_path / "vectors")
    nlp = spacy.load(tmp_path / "vectors")
    doc = nlp('THE , " } { Café other')
    assert [token.text for token in doc] == ["THE", ",", '"', "}", "{", "Café", "other"]
    for token, row in zip(doc, rows):
        numpy.testing.assert_allclose(token.vector, row, atol=1e-6)
    assert not doc[6].has_vector and nlp.vocab.vectors.n_keys == 6
    some = make_pipeline(text, n_words=2).vocab.vectors
    assert some.n_keys == 2 and some.data.dtype == numpy.int8
