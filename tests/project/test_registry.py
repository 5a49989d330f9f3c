import subprocess
import sys
from importlib.metadata import entry_points, requires

import pytest
import spacy
from spacy.pipeline import TrainablePipe

OURS = sorted(
    {
        (group, point)
        for group in entry_points().groups
        for point in entry_points(group=group)
        if point.value.startswith("spacy_rnn_tagger.")
    },
    key=lambda found: (found[0], found[1].name),
)
REGISTRIES = {"spacy_architectures": "architectures", "spacy_scorers": "scorers", "spacy_readers": "readers"}


def test_names_promised_by_the_docs():
    names = {point.name for _, point in OURS}
    assert {"rnn_tagger", "rnn_ner", "rnn_morphologizer", "rnn_senter", "rnn_spans"} <= names
    for name in ("RNNTagger", "RNNTok2Vec", "LexemeEmbed", "RNNEncoder", "CharRNN"):
        assert f"spacy-rnn-tagger.{name}.v1" in names


@pytest.mark.parametrize("group,point", OURS, ids=lambda value: getattr(value, "name", value))
def test_every_name_resolves(group, point):
    if group == "spacy_factories":
        pipe = spacy.blank("en").add_pipe(point.name)
        assert isinstance(pipe, TrainablePipe)
    elif group in REGISTRIES:
        assert callable(spacy.registry.get(REGISTRIES[group], point.name))
        assert point.name.startswith("spacy-rnn-tagger.")
    else:
        assert point.load() is not None


@pytest.mark.parametrize("point", [p for g, p in OURS if g == "spacy_factories"], ids=lambda p: p.name)
def test_metadata_is_truthful(point):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe(point.name)
    meta = nlp.get_pipe_meta(point.name)
    assert set(meta.default_score_weights) <= set(pipe.score_keys)
    expected = {
        "tag": ["token.tag"],
        "morph": ["token.morph", "token.pos"],
        "ents": ["doc.ents", "token.ent_iob", "token.ent_type"],
        "sents": ["token.is_sent_start", "doc.sents"],
        "spans:sc": ["doc.spans"],
    }
    assert meta.assigns == (
        expected[pipe.target.name] if hasattr(pipe, "target") else []
    )  # a language model sets nothing


def test_import_is_silent_and_without_torch():
    code = (
        "import sys, warnings; warnings.simplefilter('error');"
        "sys.modules['torch'] = None;"  # as if it were not installed
        "import spacy_rnn_tagger, spacy; nlp = spacy.blank('en'); nlp.add_pipe('rnn_tagger');"
        "import spacy_rnn_tagger.pipeline.factories, spacy_rnn_tagger.recurrence.torch_engine; print('fine')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "fine", done.stderr


def test_requirements_are_those_imported():
    needed = requires("spacy-rnn-tagger")
    assert {"spacy", "thinc", "numpy", "srsly"} <= {r.split("<")[0].split(">")[0].strip() for r in needed}
    assert all("extra" in r for r in needed if r.startswith("torch"))
