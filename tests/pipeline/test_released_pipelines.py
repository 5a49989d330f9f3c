"""Pipelines saved by every released version load, and predict what they predicted then."""

import json

import numpy
import pytest
import spacy

from ..fixtures.make_pipeline import FOLDER, SCORED, predictions

RELEASES = sorted(path.name for path in FOLDER.iterdir())


@pytest.mark.parametrize("release", RELEASES)
def test_a_released_pipeline_loads_and_predicts_the_same(release):
    expected = json.loads((FOLDER / release / "expected.json").read_text(encoding="utf8"))
    nlp = spacy.load(FOLDER / release / "pipeline")
    found = json.loads(json.dumps(predictions(nlp)))
    for name in ("tokens", "spans"):
        assert found[name] == expected[name], name
    for ours, theirs in zip(found["ents"], expected["ents"], strict=True):
        assert [ent[:3] for ent in ours] == [ent[:3] for ent in theirs]
        assert numpy.allclose([ent[3] for ent in ours], [ent[3] for ent in theirs], atol=1e-4)
    for name in SCORED:
        for ours, theirs in zip(found["probabilities"][name], expected["probabilities"][name], strict=True):
            assert numpy.allclose(ours, theirs, atol=1e-4), name


@pytest.mark.parametrize("release", RELEASES)
def test_a_released_pipeline_saves_and_loads_again(release, tmp_path):
    nlp = spacy.load(FOLDER / release / "pipeline")
    nlp.to_disk(tmp_path / "again")
    assert predictions(spacy.load(tmp_path / "again")) == predictions(nlp)
