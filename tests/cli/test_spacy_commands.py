"""spaCy's own commands on pipelines with the components."""

import json

import pytest
import spacy
from spacy.cli.init_config import init_config
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.util import load_config, registry
from thinc.api import Config

from ..conftest import CONFIGS, make_examples, run_cli, small_model, train, train_cli

FAST = {"training.max_steps": 6, "training.eval_frequency": 3}


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "toy.spacy"
    DocBin(docs=[eg.reference for eg in make_examples(spacy.blank("en"))]).to_disk(path)
    return path


@pytest.mark.parametrize("name", ["rnn_tagger", "rnn_ner", "rnn_morphologizer"])
def test_init_config_trains_unchanged(tmp_path, data, name):
    config = tmp_path / "config.cfg"
    done = run_cli("-m", "spacy", "init", "config", config, "-p", name)
    assert done.returncode == 0, done.stderr
    out = train_cli(config, tmp_path / "out", {"paths.train": data, "paths.dev": data, **FAST})
    assert "Saved pipeline" in out
    assert (tmp_path / "out" / "model-best" / name / "model").exists()
    assert len(spacy.load(tmp_path / "out" / "model-best")("I like London.")) == 4


def test_labels_file_and_debug_model(tmp_path, data):
    config = CONFIGS / "rnn_tagger_smoke.cfg"
    paths = ["--paths.train", data, "--paths.dev", data]
    done = run_cli("-m", "spacy", "init", "labels", config, tmp_path / "labels", *paths)
    assert done.returncode == 0, done.stdout + done.stderr
    labels = {p.stem: json.loads(p.read_text()) for p in (tmp_path / "labels").glob("*.json")}
    assert labels["rnn_ner"] == ["GPE", "PERSON"] and "NOUN" in labels["rnn_tagger"]
    outputs = {}
    for component in labels:
        with_labels = Config().from_disk(config, interpolate=False)
        reader = {
            "@readers": "spacy.read_labels.v1",
            "path": str(tmp_path / "labels" / f"{component}.json"),
            "require": True,
        }
        with_labels["initialize"]["components"]["rnn_ner"] = {"labels": reader}
        with_labels.to_disk(tmp_path / f"{component}.cfg")
        settings = {"paths.train": data, "paths.dev": data, **FAST}
        outputs[component] = train_cli(tmp_path / f"{component}.cfg", tmp_path / component, settings, check=False)
    assert "Saved pipeline" in outputs["rnn_ner"]
    wrong = outputs["rnn_tagger"]
    assert "is it the label file of another component?" in wrong
    done = run_cli("-m", "spacy", "debug", "model", config, "rnn_ner", *paths, "-P0", "-P3")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_pretrain_with_our_encoder(tmp_path, data):
    raw = tmp_path / "raw.jsonl"
    raw.write_text("\n".join(json.dumps({"text": t}) for t in ["I like London.", "Anna Berg works in New York."] * 4))
    done = run_cli("-m", "spacy", "init", "fill-config", CONFIGS / "wnut17.cfg", tmp_path / "pretrain.cfg", "-pt")
    assert done.returncode == 0, done.stderr
    settings = ["--paths.raw_text", raw, "--pretraining.max_epochs", "1", "--pretraining.n_save_every", "null"]
    done = run_cli("-m", "spacy", "pretrain", tmp_path / "pretrain.cfg", tmp_path / "weights", *settings)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    weights = tmp_path / "weights" / "model0.bin"
    assert weights.exists()
    settings = {"paths.train": data, "paths.dev": data, "paths.init_tok2vec": weights, **FAST}
    assert "Saved pipeline" in train_cli(tmp_path / "pretrain.cfg", tmp_path / "out", settings)
    config = load_config(tmp_path / "pretrain.cfg", overrides={k: str(v) for k, v in settings.items() if "paths" in k})
    nlp = init_nlp(config)
    fresh = nlp.get_pipe("tok2vec").model.get_ref("embed").to_bytes()
    nlp.get_pipe("tok2vec").model.from_bytes(weights.read_bytes())
    assert nlp.get_pipe("tok2vec").model.get_ref("embed").to_bytes() == fresh


def test_evaluate_draws_entities_and_spans(tmp_path, data):
    nlp = spacy.blank("en")
    for factory in ("rnn_ner", "rnn_spans"):
        nlp.add_pipe(factory, config={"model": small_model()})
    examples = make_examples(nlp)
    for example in examples:
        example.reference.spans["sc"] = list(example.reference.ents)
    train(nlp, examples)
    nlp.to_disk(tmp_path / "model")
    (tmp_path / "pages").mkdir()
    done = run_cli("-m", "spacy", "evaluate", tmp_path / "model", data, "--displacy-path", tmp_path / "pages")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Anna Berg" in (tmp_path / "pages" / "entities.html").read_text(encoding="utf8")
    assert "GPE" in (tmp_path / "pages" / "spans.html").read_text(encoding="utf8")
    assert not (tmp_path / "pages" / "parses.html").exists()


@pytest.mark.parametrize("pipeline", [["rnn_tagger", "rnn_ner"], ["tok2vec", "rnn_tagger"]])
def test_init_config_of_several_components_can_be_trained(data, pipeline):
    nlp = trainable(init_config(lang="en", pipeline=pipeline, silent=True), data)
    assert "rnn_tagger" in nlp.pipe_names and nlp("I like London.")[0].tag_


def test_init_config_of_a_language_model_says_what_it_needs(data):
    config = init_config(lang="en", pipeline=["rnn_ner", "rnn_language_model"], silent=True)
    with pytest.raises(
        ValueError, match=r"component 'rnn_language_model': its model listens to .*, but the pipeline has no"
    ):
        trainable(config, data)


def test_pretraining_of_a_component_of_its_own_encoder(data):
    """spaCy's command names a component that this pipeline lacks; docs/training.md names the two settings to change."""
    config = init_config(lang="en", pipeline=["rnn_tagger"], pretraining=True, silent=True)
    assert config["pretraining"]["component"] == "tok2vec"
    config["pretraining"].update(component="rnn_tagger", layer="tok2vec")
    nlp = trainable(config, data)
    objective = registry.resolve(nlp.config.interpolate()["pretraining"])["objective"]
    model = objective(nlp.vocab, nlp.get_pipe("rnn_tagger").model.get_ref("tok2vec"))
    docs = [nlp.make_doc("I like London.")]
    model.initialize(X=docs)
    prediction, backprop = model.begin_update(docs)
    backprop(prediction)


def trainable(config, data):
    config["paths"].update(train=str(data), dev=str(data))
    return init_nlp(config)
