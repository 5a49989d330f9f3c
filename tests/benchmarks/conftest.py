import pytest
from spacy.tokens import DocBin

from benchmarks.accuracy.corpora import Data

from ..conftest import CONFIGS, make_examples


@pytest.fixture
def data(nlp, tmp_path):
    """A corpus of the four annotated sentences, each in all parts."""
    docs = [eg.reference for eg in make_examples(nlp)]
    for part in ("train", "dev", "test"):
        DocBin(docs=docs * 3).to_disk(tmp_path / f"{part}.spacy")
    peer = CONFIGS / "peer_spacy_pos.cfg"
    ours = CONFIGS / "ewt.cfg"
    files = [tmp_path / f"{part}.spacy" for part in ("train", "dev", "test")]
    return Data("tiny", "Tiny", ("tag", "pos", "morph"), *files, config=ours, vectors_config=ours, peer_config=peer)
