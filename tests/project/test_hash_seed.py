"""Nothing that is saved depends on the seed of Python's hashes."""

from ..conftest import ROOT, run_cli
from ..fixtures.small_pipelines import files

CODE = """
import sys
sys.path.append(sys.argv[2])
import spacy
from spacy.training import Example
from tests.conftest import make_examples, small_model
from thinc.api import fix_random_seed
fix_random_seed(0)
nlp = spacy.blank("en")
for name, settings in [
    ("rnn_tagger", {"class_weights": "auto"}),
    ("rnn_ner", {"decoder": "crf"}),
    ("rnn_morphologizer", {}),
    ("rnn_spans", {"spans_key": "layer"}),
]:
    nlp.add_pipe(name, config={"model": small_model(), **settings})
guesser = {**small_model(), "width": 8, "max_size": 20}
guesser["@architectures"] = "spacy-rnn-tagger.LanguageModel.v1"
nlp.add_pipe("rnn_language_model", config={"model": guesser})
examples = make_examples(nlp)
# All in one sentence, where spaCy's scorers would give the types in the order of a set.
types = "ABCDEFGH"
doc = nlp.make_doc(" ".join(types.lower()))
gold = {"entities": [f"U-{name}" for name in types], "tags": list(types), "pos": ["X"] * 8, "morphs": [""] * 8}
many = Example.from_dict(doc, gold)
many.reference.spans["layer"] = list(many.reference.ents)
examples.insert(0, many)
optimizer = nlp.initialize(lambda: examples)
for _ in range(3):
    nlp.update(examples, sgd=optimizer)
scores = nlp.evaluate(examples)
del scores["speed"]
nlp.meta["performance"] = scores
nlp.to_disk(sys.argv[1])
"""


def test_saved_pipelines_are_the_same(tmp_path):
    saved = []
    for seed in ("1", "2"):
        done = run_cli("-c", CODE, tmp_path / seed, ROOT, PYTHONHASHSEED=seed)
        assert done.returncode == 0, done.stderr
        saved.append(files(tmp_path / seed))
    assert [name for name in saved[0] if saved[0][name] != saved[1].get(name)] == []
    assert b"ents_per_type" in saved[0]["meta.json"]
