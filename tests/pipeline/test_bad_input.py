"""Bad input: a clear sentence that names what was given, what is allowed and where; nothing lost."""

import numpy
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from ..conftest import CONFIGS, ROOT, make_examples, run_cli, small_model, train, train_cli


def encoder(**settings):
    return spacy.registry.architectures.get("spacy-rnn-tagger.RNNEncoder.v1")(**{"width": 8, **settings})


def embed(**settings):
    return spacy.registry.architectures.get("spacy-rnn-tagger.LexemeEmbed.v1")(**{"width": 8, **settings})


@pytest.mark.parametrize(
    "make,settings,message",
    [
        (encoder, {"cell": "lstmm"}, "RNNEncoder.v1: cell = 'lstmm' is unknown; allowed: .* Did you mean 'lstm'"),
        (encoder, {"width": 0}, "RNNEncoder.v1: width = 0 is not allowed; .* at least 1"),
        (encoder, {"width": -4}, "width = -4 is not allowed"),
        (encoder, {"width": 2.5}, "width = 2.5 is not allowed"),
        (encoder, {"width": 7}, "width = 7 cannot be split over two directions"),
        (encoder, {"depth": 0}, "depth = 0 is not allowed"),
        (encoder, {"depth": 5}, "depth = 5 is not allowed; it must be 1 to 4"),
        (encoder, {"hidden_width": 0}, "hidden_width = 0 is not allowed"),
        (encoder, {"dropout": 1.0}, "dropout = 1.0 is not allowed; it must be a rate"),
        (embed, {"attrs": ["NORM", "SUFIX"], "rows": 10}, "attrs = 'SUFIX' is unknown; .* Did you mean 'SUFFIX'"),
        (embed, {"rows": [1, 2]}, r"rows has 2 numbers, \[1, 2\], but attrs has 4 names"),
        (embed, {"rows": 0}, r"rows\[0\] = 0 is not allowed"),
        (embed, {"attrs": [], "rows": []}, "nothing to embed"),
    ],
)
def test_sizes_and_names_in_architectures(make, settings, message):
    with pytest.raises(ValueError, match=message):
        make(**settings)


@pytest.mark.parametrize(
    "config,message",
    [
        ({"target": "tags"}, "rnn_tagger: target = 'tags' is unknown; allowed: 'tag', .* Did you mean 'tag'"),
        ({"decoder": "viterbi"}, "component 'x': decoder = 'viterbi' is unknown; allowed: 'softmax', 'crf'"),
    ],
)
def test_unknown_settings_of_the_component(nlp, config, message):
    with pytest.raises(ValueError, match=message):
        nlp.add_pipe("rnn_tagger", name="x", config={"model": small_model(), **config})


def test_widths_that_do_not_fit(nlp):
    model = small_model()
    model["tok2vec"]["encode"]["width"] = 24
    with pytest.raises(
        ValueError, match="embed gives vectors of width 16, but encode takes width 24; set encode.width"
    ):
        nlp.add_pipe("rnn_tagger", config={"model": model})


def test_widths_that_do_not_fit_in_spacys_tok2vec(nlp):
    tok2vec = {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": small_model()["tok2vec"]["embed"],
        "encode": {"@architectures": "spacy-rnn-tagger.RNNEncoder.v1", "width": 24},
    }
    nlp.add_pipe("tagger", config={"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": tok2vec}})
    with pytest.raises(ValueError, match="takes vectors of width 24, but was given 16"):
        nlp.initialize(lambda: make_examples(nlp))


@pytest.mark.parametrize("target", ["tag", "pos", "morph", "ents"])
def test_training_data_without_the_target(nlp, target):
    nlp.add_pipe("rnn_tagger", name="mine", config={"target": target, "model": small_model()})
    other = {"words": ["I", "run"], **({"entities": ["O", "O"]} if target != "ents" else {"tags": ["A", "B"]})}
    eg = Example.from_dict(Doc(nlp.vocab, words=["I", "run"]), other)
    expected = rf"component 'mine': .* no annotation for its target '{target}' \(1 docs, 2 tokens"
    with pytest.raises(ValueError, match=expected):
        nlp.initialize(lambda: [eg])


@pytest.mark.parametrize(
    "labels,message",
    [
        (["PERSON", "GPE"], "none of the 2 given labels .* is it the label file of another component"),
        ({"PERSON": 3}, "must be a list of strings, .* not a dict; was it written for another component"),
        ("NN", "must be a list of strings"),
        ([1, 2], "must be a list of strings"),
    ],
)
def test_labels_of_another_component(nlp, labels, message):
    pipe = nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    with pytest.raises(ValueError, match=message):
        pipe.initialize(lambda: make_examples(nlp), labels=labels)


def test_labels_that_lack_some_of_the_data(nlp):
    pipe = nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    with pytest.warns(
        UserWarning, match="labels of the training data that the given labels lack .*'VBZ' Did you mean 'VBP'"
    ):
        pipe.initialize(lambda: make_examples(nlp), labels=["NN", "VBP", "PRP", "."])
    assert pipe.labels == ("NN", "VBP", "PRP", ".")


@pytest.mark.parametrize("target,label,nearest", [("pos", "NOUNS", "NOUN"), ("morph", "POS=VERBB", "VERB")])
def test_labels_that_the_target_cannot_take(nlp, target, label, nearest):
    pipe = nlp.add_pipe("rnn_tagger", config={"target": target, "model": small_model()})
    with pytest.raises(ValueError, match=f"Did you mean '{nearest}'"):
        pipe.add_label(label)
    assert pipe.labels == ()


def test_weights_of_another_width(nlp, tmp_path):
    nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    train(nlp, make_examples(nlp), steps=1)
    nlp.to_disk(tmp_path / "model")
    before = (tmp_path / "model" / "rnn_tagger" / "model").read_bytes()
    wide = {f"components.rnn_tagger.model.tok2vec.{part}.width": 24 for part in ("embed", "encode")}
    with pytest.raises(
        ValueError, match="component 'rnn_tagger', .*the config gives layer .* = 24, but the saved weights have .* = 16"
    ):
        spacy.load(tmp_path / "model", config=wide)
    with pytest.raises(ValueError, match="a recurrent layer cell = 'gru', but the saved weights are of cell = 'lstm'"):
        spacy.load(tmp_path / "model", config={"components.rnn_tagger.model.tok2vec.encode.cell": "gru"})
    with pytest.raises(ValueError, match="describes a model of .* layers, but the saved weights are of"):
        spacy.load(tmp_path / "model", config={"components.rnn_tagger.model.tok2vec.encode.depth": 2})
    other = spacy.blank("en")
    model = small_model()
    model["tok2vec"]["embed"]["width"] = model["tok2vec"]["encode"]["width"] = 24
    other.add_pipe("rnn_tagger", config={"model": model})
    with pytest.raises(ValueError, match="= 24, but the saved weights have .* = 16"):
        other.from_bytes(nlp.to_bytes())
    assert (tmp_path / "model" / "rnn_tagger" / "model").read_bytes() == before


def test_weights_of_another_target(nlp, tmp_path):
    nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    train(nlp, make_examples(nlp), steps=1)
    nlp.to_disk(tmp_path / "model")
    with pytest.raises(ValueError, match="target = 'pos', but it was trained and saved with target = 'tag'"):
        spacy.load(tmp_path / "model", config={"components.rnn_tagger.target": "pos"})


@pytest.mark.parametrize("keep", [0, 10, 0.5])
def test_truncated_weights(nlp, tmp_path, keep):
    nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    train(nlp, make_examples(nlp), steps=1)
    nlp.to_disk(tmp_path / "model")
    path = tmp_path / "model" / "rnn_tagger" / "model"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep) if isinstance(keep, float) else keep])
    with pytest.raises(ValueError, match="component 'rnn_tagger', .*model.* truncated or damaged"):
        spacy.load(tmp_path / "model")


def test_torch_is_only_needed_for_training_by_it(nlp):
    nlp.add_pipe("rnn_tagger", config={"model": small_model(engine="torch")})
    train(nlp, make_examples(nlp), steps=1)
    code = (
        "import sys; sys.modules['torch'] = None; import spacy; from spacy.training import Example;"
        "nlp = spacy.load(sys.argv[1]); print([t.tag_ for t in nlp('I like ham')]);"
        "eg = Example.from_dict(nlp.make_doc('I'), {'tags': ['PRP']}); nlp.update([eg])"
    )
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        nlp.to_disk(folder)
        done = run_cli("-c", code, folder)
    assert done.stdout.startswith("['")
    assert "engine = 'torch'" in done.stderr and "pip install 'spacy-rnn-tagger[torch]', or set" in done.stderr


@pytest.fixture
def toy_data(tmp_path):
    path = tmp_path / "toy.spacy"
    DocBin(docs=[eg.reference for eg in make_examples(spacy.blank("en"))]).to_disk(path)
    return path


def overrides(train_path, dev_path, **more):
    return {
        "paths.train": train_path,
        "paths.dev": dev_path,
        "training.max_steps": 4,
        "training.eval_frequency": 2,
        **more,
    }


def test_truncated_corpus(tmp_path, toy_data):
    broken = tmp_path / "broken.spacy"
    broken.write_bytes(toy_data.read_bytes()[:200])
    text = train_cli(CONFIGS / "rnn_tagger_smoke.cfg", tmp_path / "out", overrides(broken, toy_data), check=False)
    assert "Cannot read the training corpus" in text and "broken.spacy' (200 bytes): it is truncated" in text
    assert not (tmp_path / "out" / "model-best").exists()
    text = train_cli(
        CONFIGS / "rnn_tagger_smoke.cfg", tmp_path / "out", overrides(tmp_path / "no.spacy", toy_data), check=False
    )
    assert "there is no file or directory" in text and "no.spacy" in text


@pytest.mark.parametrize(
    "weights,message",
    [
        (
            {"tag_acc": 1.0},
            "component 'rnn_ner': its target 'ents' is scored by ents_f, which has no entry in "
            "[training.score_weights]",
        ),
        ({"ents_f": 0.5, "ents_f1": 0.5}, "[training.score_weights] ents_f1 = 0.25: no component produces this score"),
    ],
)
def test_wrong_score_weights(nlp, weights, message):
    nlp.add_pipe("rnn_tagger", name="rnn_ner", config={"target": "ents", "model": small_model()})
    nlp._config["paths"]["train"] = "train.spacy"
    nlp._config["training"]["score_weights"] = weights
    with pytest.raises(ValueError) as e:
        nlp.initialize(lambda: make_examples(nlp))
    assert message in str(e.value)


def test_score_weights_are_not_asked_for_without_a_training_config(nlp):
    nlp.add_pipe("rnn_tagger", config={"target": "ents", "model": small_model()})
    nlp.initialize(lambda: make_examples(nlp))


ODD_TEXTS = {
    "emoji": "👩‍👩‍👧‍👦 🇮🇳 😀😀😀 ❤️",
    "control characters": "a\x00b \x07 \x1b[31m \x7f \u200b \u202e abc \ufeff",
    "combining and astral": "e\u0301a\u0300 𝔘𝔫𝔦 𐍈 \U0010ffff",
    "long word": "x" * 20_000,
    "only whitespace": " \n\t \r\n  ",
}


@pytest.mark.parametrize("text", list(ODD_TEXTS.values()), ids=ODD_TEXTS)
def test_odd_texts(nlp, text):
    model = small_model()
    model["tok2vec"]["embed"]["chars"] = {"@architectures": "spacy-rnn-tagger.CharRNN.v1", "width": 8}
    for target in ("tag", "morph", "ents"):
        nlp.add_pipe("rnn_tagger", name=target, config={"target": target, "model": model})
    train(nlp, make_examples(nlp), steps=2)
    doc = nlp(text)
    assert doc.text == text and all(token.tag_ for token in doc)
    gold = Example.from_dict(nlp.make_doc(text), {"tags": ["NN"] * len(doc)})
    assert numpy.isfinite(nlp.update([gold], sgd=nlp.create_optimizer())["tag"])


def test_a_doc_of_a_hundred_thousand_tokens(nlp):
    for target in ("tag", "ents"):
        nlp.add_pipe("rnn_tagger", name=target, config={"target": target, "model": small_model()})
    train(nlp, make_examples(nlp), steps=2)
    words = ["Anna", "Berg", "likes", "New", "York", "."] * 17_000
    doc = Doc(nlp.vocab, words=words)
    for _, pipe in nlp.pipeline:
        doc = pipe(doc)
    assert len(doc) == 102_000 and all(token.tag for token in doc)
    assert doc.has_annotation("ENT_IOB", require_complete=True)


@pytest.mark.parametrize(
    "content,message",
    [
        ("a\tO\nb\tI-X\n", ":2: 'I-X' continues no X entity: the tag before it is 'O'"),
        ("a\tB-X\nb\tI-Y\n", ":2: 'I-Y' continues no Y entity: the tag before it is 'B-X'"),
        ("a\tB-X\n\nb\tI-X\n", ":3: 'I-X' continues no X entity"),
        ("a\tQ-X\n", ":1: the tag 'Q-X' is none of O, B-X, I-X"),
        ("a\tB-\n", ":1: the tag 'B-' is none of"),
        ("a O\n", ":1: expected a token, a tab and a tag, but found 'a O'"),
        ("\n\n", "no text in it"),
    ],
)
def test_ill_formed_iob(run_script, tmp_path, content, message):
    source, output = tmp_path / "data.iob", tmp_path / "data.spacy"
    source.write_text(content)
    code, _, err = run_script("convert_iob.py", source, output)
    assert code == 1 and message in err
    assert not output.exists()


def test_iob_that_is_well_formed(run_script, tmp_path):
    source, output = tmp_path / "data.iob", tmp_path / "sub" / "data.spacy"
    source.write_text("Red\tB-FAC\nFort\tI-FAC\nis\tO\n\nDelhi\tB-GPE\n😀\tO\n", encoding="utf8")
    code, out, _ = run_script("convert_iob.py", source, output)
    assert code == 0 and "2 texts, 5 tokens, 2 entities" in out
    docs = list(DocBin().from_disk(output).get_docs(spacy.blank("en").vocab))
    assert [(e.text, e.label_) for doc in docs for e in doc.ents] == [("Red Fort", "FAC"), ("Delhi", "GPE")]


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "scripts").glob("*.py")))
def test_every_script_explains_itself(run_script, script):
    code, out, _ = run_script(script, "--help")
    assert code == 0 and len(out) > 150
    code, _, err = run_script(script, "--no-such-option")
    assert code == 2 and "usage:" in err
