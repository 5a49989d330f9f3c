"""What is saved and loaded: damaged, mixed and foreign files are refused in one sentence, and nothing is half
loaded."""

import pickle
import re

import numpy
import pytest
import spacy
import srsly
from hypothesis import given, settings
from hypothesis import strategies as st
from thinc.api import Config

from spacy_rnn_tagger.models.storage.checksums import CHECKSUMS
from spacy_rnn_tagger.models.storage.weights_error import WeightsError
from spacy_rnn_tagger.pipeline.serialization import CHECKSUM

from ..conftest import make_examples, randomize, small_model
from ..fixtures.small_pipelines import OURS, make_pipeline

FILES = [(name, file) for name in OURS for file in ("cfg", "model") if (name, file) != ("tok2vec", "cfg")]
"""All files that this package writes. The cfg of a shared encoder is spaCy's."""


@pytest.fixture(scope="module")
def trained():
    return make_pipeline()


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    """The files by component and name: of one training, and of another with the same sizes and labels."""
    folders = [tmp_path_factory.mktemp("saved") for _ in range(2)]
    for folder, nlp in zip(folders, (trained, make_pipeline(weights=50))):
        nlp.to_disk(folder)
    return [{key: (folder / key[0] / key[1]).read_bytes() for key in FILES} for folder in folders]


@pytest.fixture(scope="module")
def load(trained, saved, tmp_path_factory):
    """Load a component from its files, one of them exchanged: the error, or None. Either way the component in memory
    has to be what it was before."""
    root = tmp_path_factory.mktemp("load")

    def load_with(name, file, content):
        pipe, folder = trained.get_pipe(name), root / name
        folder.mkdir(exist_ok=True)
        for key, whole in saved[0].items():
            if key[0] == name:
                (folder / key[1]).write_bytes(whole if key[1] != file else content)
        if name == "tok2vec":
            (folder / "cfg").write_text("{}")
        before = pipe.to_bytes(exclude=["vocab"])
        try:
            pipe.from_disk(folder, exclude=["vocab"])
            error = None
        except WeightsError as e:
            error = e
        # Also if nothing was refused: what was loaded is what was saved.
        assert pipe.to_bytes(exclude=["vocab"]) == before
        return error

    return load_with


def check_sentence(error, name, file):
    """That an error is one sentence which says where the fault is."""
    text = str(error)
    where = "spacy-rnn-tagger.RNNTok2Vec.v1" if name == "tok2vec" else f"component '{name}', "
    assert text.startswith(where) and text.endswith(".") and "\n" not in text, text
    # Two files that do not belong together are both named, whichever of them it is.
    assert name == "tok2vec" or re.search(rf"/{name}/(cfg|model)", text), text


DAMAGES = {
    "empty": lambda whole: b"",
    "first bytes": lambda whole: whole[:10],
    "half": lambda whole: whole[: len(whole) // 2],
    "last byte lost": lambda whole: whole[:-1],
    "bytes added": lambda whole: whole + b"\0",
    "pickle": lambda whole: pickle.dumps({"nodes": [], "labels": []}),
    "text": lambda whole: b"version https://git-lfs.github.com/spec/v1\n",
    "zeros": lambda whole: bytes(len(whole)),
    "number": lambda whole: b"7",
    "list": lambda whole: b"\x90",
    "empty map": lambda whole: b"\x80",
    "header of 4 GB": lambda whole: b"\xdf\xff\xff\xff\xff" + whole,
    "array of 4 GB": lambda whole: b"\x81\xa5nodes\xc6\xff\xff\xff\xff" + whole,
    "a million maps": lambda whole: b"\xdd\x00\x0f\x42\x40" + b"\x80" * 1_000_000,
    "a million depths": lambda whole: b"\x91" * 1_000_000,
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name,file", FILES)
def test_a_damaged_file_is_refused(load, saved, name, file, damage):
    check_sentence(load(name, file, DAMAGES[damage](saved[0][name, file])), name, file)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_flipped_bits_are_refused_or_change_nothing(load, saved, data):
    """`load` compares what is loaded with what was saved."""
    name, file = data.draw(st.sampled_from(FILES))
    content = bytearray(saved[0][name, file])
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    error = load(name, file, bytes(content))
    if error is not None:
        check_sentence(error, name, file)


@pytest.mark.parametrize("name,file", FILES)
def test_files_of_other_components_and_trainings_are_refused(load, saved, name, file):
    own = saved[0][name, file]
    assert load(name, file, own) is None
    for key, content in [*saved[0].items(), ((name, file), saved[1][name, file])]:
        if content == own or (name == "tok2vec" and key == (name, file)):
            continue  # nothing but its weights tells one encoder from another
        check_sentence(load(name, file, content), name, file)


@pytest.mark.parametrize("file", ["cfg", "model"])
def test_a_file_that_is_not_there(trained, tmp_path, file):
    trained.to_disk(tmp_path)
    (tmp_path / "rnn_ner" / file).unlink()
    with pytest.raises(WeightsError, match=f"component 'rnn_ner', .*rnn_ner/{file}: the file cannot be read"):
        spacy.load(tmp_path)


def change(message, layer, name, value):
    """Exchange weights of a message by what a function makes of them."""
    (at,) = [i for i, info in enumerate(message["nodes"]) if info["name"] == layer]
    message["params"][at][name] = value(message["params"][at][name])
    return message


def unpacked(pipe):
    """A component's settings and message without checksums, as version 0.1.0 saved them; and the message's
    checksums."""
    fields = srsly.msgpack_loads(pipe.to_bytes(exclude=["vocab"]))
    cfg, message = srsly.json_loads(fields["cfg"]), srsly.msgpack_loads(fields["model"])
    del cfg[CHECKSUM]
    return cfg, message, message.pop(CHECKSUMS)


def packed(cfg, message):
    return srsly.msgpack_dumps({"cfg": srsly.json_dumps(cfg), "model": srsly.msgpack_dumps(message)})


def test_a_checksum_cannot_just_be_left_out(trained):
    """Neither of the two that are saved together."""
    pipe = trained.get_pipe("rnn_ner")
    cfg, message, checksums = unpacked(pipe)
    with pytest.raises(WeightsError, match="component 'rnn_ner': .* were not saved together"):
        pipe.from_bytes(packed(cfg, {**message, CHECKSUMS: checksums}))
    assert pipe.from_bytes(packed(cfg, message)) is pipe


NOT_OURS = {
    "int32": (lambda m: change(m, "linear", "W", lambda W: W.astype("int32")), "they are int32, not float32"),
    "float64": (lambda m: change(m, "linear", "W", lambda W: W.astype("float64")), "they are float64"),
    "one row": (
        lambda m: change(m, "linear", "W", lambda W: W[:1]),
        r"shape \(1, 16\), but its sizes ask for \(9, 16\)",
    ),
    "flat": (lambda m: change(m, "linear", "W", lambda W: W.reshape(-1)), r"shape \(144,\)"),
    "one bias": (lambda m: change(m, "linear", "b", lambda b: b[:1]), r"shape \(1,\)"),
    "no array": (lambda m: change(m, "linear", "W", lambda W: None), "lack 'W'"),
    "no transitions": (
        lambda m: [change(m, "tag_transitions", name, lambda _: None) for name in ("transitions", "start", "end")][0],
        "have no transitions, which decoder = 'crf' needs",
    ),
    "no start": (lambda m: change(m, "tag_transitions", "start", lambda _: None), "lack 'start'"),
    "a key more": (lambda m: {**m, "more": []}, "has no saved model, but attrs, more, nodes"),
    "a part less": (lambda m: {key: m[key] for key in m if key != "attrs"}, "has no saved model, but nodes, params"),
    "a layer less": (lambda m: {key: part[:-1] for key, part in m.items()}, "layer 0 of 4 cannot be read"),
    "no layer": (lambda m: {key: [] for key in m}, "not one for each layer"),
    "parts of other lengths": (lambda m: {**m, "shims": []}, "not one for each layer"),
    "null": (lambda m: {**m, "attrs": [None] * len(m["attrs"])}, "layer 0 of 5 cannot be read"),
}


@pytest.mark.parametrize("case", NOT_OURS)
@pytest.mark.parametrize("checked", [False, True])
def test_weights_that_do_not_fit_are_refused(trained, case, checked):
    """With their checksums, and without any, as version 0.1.0 saved them."""
    make, reason = NOT_OURS[case]
    pipe = trained.get_pipe("rnn_ner")
    cfg, message, checksums = unpacked(pipe)
    message = make(message)
    if checked and set(message) == {"nodes", "attrs", "params", "shims"}:
        message[CHECKSUMS], reason = checksums[: len(message["nodes"])], "damaged"
    with pytest.raises(WeightsError, match=f"component 'rnn_ner': .*{reason}"):
        pipe.from_bytes(packed(cfg, message))


SETTINGS = {
    "a label more": (
        {"labels": ["GPE", "PERSON", "ORG"]},
        "score 9 tags in layer 'output_layer', but the 3 labels in cfg make 13",
    ),
    "a label less": ({"labels": ["GPE"]}, "but the 1 labels in cfg make 5"),
    "no label": ({"labels": []}, "but the 0 labels in cfg make 1"),
    "twice the same": ({"labels": ["GPE", "GPE"]}, "the label 'GPE' is there 2 times"),
    "empty label": ({"labels": ["GPE", ""]}, "cannot be empty"),
    "other labels": ({"labels": ["GPE", "ORG"]}, None),
    "other order": ({"labels": ["PERSON", "GPE"]}, None),
    "labels as text": ({"labels": "GPE"}, "must be a list of strings"),
    "numbers": ({"labels": [1, 2]}, "must be a list of strings"),
    "temperature 0": ({"temperature": 0}, "temperature = 0 is not allowed"),
    "temperature as text": ({"temperature": "1"}, "temperature = '1' is not allowed"),
    "other temperature": ({"temperature": 2.0}, None),
    "other decoder": ({"decoder": "softmax"}, "its config says decoder = 'crf', but it was trained"),
    "other target": ({"target": "spans:x"}, "its config says target = 'ents'"),
    "weights of classes": ({"class_weights": {"GPE": -1}}, "class_weights of 'GPE' = -1 is not allowed"),
}


@pytest.mark.parametrize("case", SETTINGS)
@pytest.mark.parametrize("checked", [False, True])
def test_settings_that_do_not_fit_are_refused(trained, case, checked):
    """With the checksum; and without it, all that shows by itself."""
    changed, reason = SETTINGS[case]
    pipe = trained.get_pipe("rnn_ner")
    fields = srsly.msgpack_loads(pipe.to_bytes(exclude=["vocab"]))
    cfg, message, _ = unpacked(pipe)
    data = packed({**cfg, **changed}, message)
    if checked:
        fields["cfg"] = srsly.json_dumps({**srsly.json_loads(fields["cfg"]), **changed})
        data = srsly.msgpack_dumps(fields)
    if reason is None or (checked and "labels in cfg" in reason):
        reason = "were not saved together, or one of the files is damaged"
        if not checked:
            return
    before = dict(pipe.cfg)
    with pytest.raises(WeightsError, match=f"component 'rnn_ner': .*{reason}"):
        pipe.from_bytes(data)
    assert pipe.cfg == before


def test_parts_can_be_left_out(trained):
    """As spaCy's own components can: only what is there is compared."""
    pipe = trained.get_pipe("rnn_ner")
    for excluded in (["vocab", "cfg"], ["vocab", "model"], ["vocab", "cfg", "model"]):
        data = pipe.to_bytes(exclude=excluded)
        assert pipe.from_bytes(data).to_bytes(exclude=excluded) == data
        pipe.from_bytes(pipe.to_bytes(exclude=["vocab"]), exclude=excluded)
    with pytest.raises(WeightsError, match="component 'rnn_ner': the saved component is truncated or damaged"):
        pipe.from_bytes(b"")
    with pytest.raises(WeightsError, match="component 'rnn_ner': the data are no saved component, but a int"):
        pipe.from_bytes(b"\x07")


EMBED, ENCODE = "tok2vec.embed", "tok2vec.encode"
CHANGES = {
    "attrs": (
        {f"{EMBED}.attrs": ["NORM", "SUFFIX"]},
        "lexeme_attrs = .'NORM', 'SUFFIX'., but .* lexeme_attrs = .'NORM', 'SHAPE'.",
    ),
    "max_chars": ({f"{EMBED}.chars.max_chars": 4}, "max_chars = 4, but .* max_chars = 24"),
    "min_freq": ({f"{EMBED}.min_freq": 3}, "min_freq = 3, but .* min_freq = 2"),
    "no min_freq": ({f"{EMBED}.min_freq": 1}, "min_freq = 1, but .* min_freq = 2"),
    "rows": ({f"{EMBED}.rows": 99}, "nV = 99, but .* nV = 100"),
    "cell": ({f"{ENCODE}.cell": "gru"}, "cell = 'gru', but .* cell = 'lstm'"),
    "directions": ({f"{ENCODE}.bidirectional": False, f"{ENCODE}.hidden_width": 16}, "= (False|16), but"),
    "depth": ({f"{ENCODE}.depth": 2}, "a model of .* layers, but"),
    "boundaries": ({f"{ENCODE}.boundaries": True}, "a model of .* layers, but"),
}
FREE = {f"{EMBED}.word_dropout": 0.5, f"{ENCODE}.dropout": 0.3, f"{ENCODE}.bptt_steps": 5, "storage": "float16"}


def single(**settings):
    """A component that has an encoder of its own, with settings of its model by dotted name."""
    model = small_model(hidden_width=8)
    chars = {"@architectures": "spacy-rnn-tagger.CharRNN.v1", "width": 8, "char_width": 4}
    model["tok2vec"]["embed"].update(min_freq=2, word_dropout=0.1, chars=chars)
    model = Config().from_str(
        Config({"model": model}).to_str(), overrides={f"model.{k}": v for k, v in settings.items()}
    )
    return spacy.blank("en").add_pipe("rnn_tagger", config=model)


@pytest.fixture(scope="module")
def single_folder(tmp_path_factory):
    pipe, folder = single(), tmp_path_factory.mktemp("single")
    pipe.initialize(lambda: make_examples(spacy.blank("en", vocab=pipe.vocab)))
    randomize(pipe.model)
    pipe.to_disk(folder, exclude=["vocab"])
    return folder


@pytest.mark.parametrize("case", CHANGES)
def test_settings_of_the_config_that_do_not_fit_are_refused(single_folder, case):
    changed, reason = CHANGES[case]
    with pytest.raises(WeightsError, match=f"component 'rnn_tagger', .*/model: the config .*{reason}"):
        single(**changed).from_disk(single_folder, exclude=["vocab"])


def test_settings_that_only_training_reads_are_those_of_the_config(single_folder):
    before, after = (single(**changed).from_disk(single_folder, exclude=["vocab"]).model for changed in ({}, FREE))
    assert max(node.attrs["dropout"] for node in after.walk() if node.name == "known_values") == 0.5
    assert len(after.to_bytes()) < len(before.to_bytes())
    docs = [spacy.blank("en").make_doc("I like London.")]
    for served, expected in zip(after.predict(docs), before.predict(docs), strict=True):
        assert (served == expected).all()


@pytest.mark.parametrize("value", [numpy.nan, numpy.inf, -numpy.inf])
@pytest.mark.parametrize("name", OURS)
def test_weights_that_are_not_finite_are_not_saved(name, value, tmp_path, trained):
    pipe = trained.get_pipe(name)
    where = "spacy-rnn-tagger.RNNTok2Vec.v1" if name == "tok2vec" else f"component '{name}'"
    pipe.to_disk(tmp_path / "a")
    files = {path: path.read_bytes() for path in (tmp_path / "a").rglob("*") if path.is_file()}
    layer = next(node for node in pipe.model.walk() if node.param_names and node.has_param(node.param_names[-1]))
    array = layer.get_param(layer.param_names[-1])
    kept = array.flat[-1].copy()
    array.flat[-1] = value
    try:
        for save in (pipe.to_bytes, lambda: pipe.to_disk(tmp_path / "a")):
            with pytest.raises(
                WeightsError, match=f"{where}: the weights .* of layer '{layer.name}' have NaN or infinite"
            ):
                save()
    finally:
        array.flat[-1] = kept
    assert {path: path.read_bytes() for path in files} == files


def test_large_weights_are_finite(trained):
    """Though their sum is not, in float32."""
    pipe = trained.get_pipe("rnn_ner")
    data = pipe.to_bytes(exclude=["vocab"])
    pipe.model.get_ref("output_layer").get_param("W")[:] = 3e38
    pipe.to_bytes(exclude=["vocab"])
    pipe.from_bytes(data)


@pytest.mark.parametrize("value", [numpy.nan, numpy.inf])
@pytest.mark.parametrize("name", OURS)
def test_gradients_that_are_not_finite_stop_the_step(name, value):
    nlp = make_pipeline()
    examples, optimizer = make_examples(nlp), nlp.create_optimizer()
    nlp.update(examples, sgd=False)
    pipe = nlp.get_pipe(name)
    before = pipe.model.to_bytes()
    layer = next(node for node in pipe.model.walk() if node.grad_names)
    layer.get_grad(layer.grad_names[0]).flat[0] = value
    where = "spacy-rnn-tagger.RNNTok2Vec.v1" if name == "tok2vec" else f"component '{name}'"
    with pytest.raises(
        WeightsError, match=f"{where}: the gradient .* of layer '{layer.name}' has NaN or infinite values"
    ):
        pipe.finish_update(optimizer)
    assert pipe.model.to_bytes() == before
    # The gradient is gone, so that training can go on with the next batch.
    nlp.update(examples, sgd=optimizer)
    assert pipe.model.to_bytes() != before
    layer.get_param(layer.grad_names[0]).flat[0] = value
    with pytest.raises(WeightsError, match=f"the weights .* of layer '{layer.name}' have NaN or infinite values"):
        pipe.finish_update(optimizer)
