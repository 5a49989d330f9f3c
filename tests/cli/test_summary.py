"""`python -m spacy rnn summary`, and the network of the first source text, number by number."""

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from spacy_rnn_tagger.cli.summary import format_table
from spacy_rnn_tagger.evaluation.layer_summary import Layer, load_untrained, summarize_layers

from ..conftest import CONFIGS, OWN_CONFIGS, make_examples, run_cli, small_model

SOURCE = CONFIGS / "source_lstm_ner.cfg"
KERAS = """\
Layer   Output shape     Parameters       Bytes
-----------------------------------------------
embed   (None, 80, 200)   3,000,000  12,000,000
lstm    (None, 80, 74)       81,400     325,600
linear  (None, 80, 5)           375       1,500
Total: 3,081,775 parameters (11.76 MB)"""


@pytest.mark.slow
def test_command_line():
    done = run_cli("-m", "spacy", "rnn", "summary", SOURCE)
    assert done.returncode == 0 and KERAS in done.stdout, done.stdout + done.stderr
    assert "summary" in run_cli("-m", "spacy", "rnn", "--help").stdout


def test_numbers_of_the_source_text():
    rows = summarize_layers(load_untrained(str(SOURCE), {})).components["rnn_tagger"]
    assert format_table("rnn_tagger", rows) == "rnn_tagger\n==========\n" + KERAS


def test_trained_network_has_the_same_numbers_and_labels_the_sentence(tmp_path):
    """Text A: [FAC, FAC, O, O, GPE]; the text leaves out the full stop. Its program has five labels, of which the text
    names three; here the other two are ORG and PERSON."""
    nlp = load_untrained(str(SOURCE), {})
    texts = [
        ("Red Fort is in Delhi .", "FAC FAC O O GPE O"),
        ("Anna Berg works for Acme .", "PERSON PERSON O O ORG O"),
        ("Anna is in Delhi .", "PERSON O O GPE O"),
    ]
    examples = [Example.from_dict(Doc(nlp.vocab, words=words.split()), {"tags": tags.split()}) for words, tags in texts]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.02
    for _ in range(12):
        nlp.update(examples, sgd=optimizer)
    doc = nlp.get_pipe("rnn_tagger")(Doc(nlp.vocab, words=texts[0][0].split()))
    assert [token.tag_ for token in doc] == "FAC FAC O O GPE O".split()
    nlp.to_disk(tmp_path)
    assert KERAS in format_table(
        "rnn_tagger", summarize_layers(load_untrained(str(tmp_path), {})).components["rnn_tagger"]
    )


def test_labels_of_the_data_must_be_those_of_the_config():
    config = spacy.util.load_config(SOURCE, overrides={"initialize.components.rnn_tagger.labels": None})
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    data = [Example.from_dict(Doc(nlp.vocab, words=["a", "b"]), {"tags": ["O", "FAC"]})]
    with pytest.raises(ValueError, match="nO = 5, but there are 2 tags"):
        nlp.initialize(lambda: data)


@pytest.mark.parametrize("path", OWN_CONFIGS, ids=lambda path: path.stem)
def test_what_the_data_decide_is_none(path):
    """Any config that has a recurrent layer, spaCy's own components around it included; others have nothing to show."""
    tables = summarize_layers(load_untrained(str(path), {})).components
    text = path.read_text(encoding="utf8")
    if "RNNEncoder" not in text:
        assert tables == {}
        return
    if "include_static_vectors = true" in text:  # as wide as the vectors, which come with the data
        (row,) = (row for rows in tables.values() for row in rows if row.name == "lexeme_vectors")
        assert row.n_params is None
        return
    for rows in tables.values():
        for row in rows[:-1]:
            assert row.n_params and row.n_bytes == 4 * row.n_params and row.shape[-1], row
        decided = path == SOURCE or rows[-1].name != "linear"
        assert (rows[-1].n_params is not None) is decided
    assert any(row.name in ("lstm", "gru", "rnn_tanh") for rows in tables.values() for row in rows)


def test_trained_pipeline(nlp, tmp_path):
    nlp.add_pipe("tok2vec", config={"model": small_model()["tok2vec"]})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16}
    nlp.add_pipe("rnn_tagger", config={"model": {**small_model(), "tok2vec": listener}})
    tagger = {"@architectures": "spacy.Tagger.v2", "tok2vec": small_model(hidden_width=6)["tok2vec"]}
    nlp.add_pipe("tagger", config={"model": tagger})
    nlp.add_pipe("sentencizer")
    nlp.initialize(lambda: make_examples(nlp))
    nlp.to_disk(tmp_path)
    tables = summarize_layers(load_untrained(str(tmp_path), {})).components
    assert list(tables) == ["tok2vec", "rnn_tagger", "tagger"]
    for name, rows in tables.items():
        model = nlp.get_pipe(name).model
        arrays = [node.get_param(p) for node in model.walk() for p in node.param_names if node.has_param(p)]
        assert sum(row.n_params for row in rows) == sum(array.size for array in arrays)
    n_tags = len(nlp.get_pipe("rnn_tagger").tags)
    assert tables["rnn_tagger"] == [Layer("linear", (None, None, n_tags), 17 * n_tags, 68 * n_tags)]
    assert tables["tagger"][-2] == Layer("lstm", (None, None, 12), 2 * 4 * 6 * (16 + 6 + 1), 8 * 4 * 6 * (16 + 6 + 1))


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_behind_pooling_there_are_no_steps(nlp, pooling):
    model = {**small_model(), "@architectures": "spacy-rnn-tagger.RNNTextClassifier.v1"}
    nlp.add_pipe("textcat", config={"model": {**model, "exclusive_classes": True, "pooling": pooling}})
    data = [Example.from_dict(nlp.make_doc("a b"), {"cats": {"X": 1.0, "Y": 0.0}})]
    nlp.initialize(lambda: data)
    shapes = [row.shape for row in summarize_layers(nlp).components["textcat"]]
    assert shapes[-2:] == [(None, None, 16), (None, 2)]


def test_model_is_left_as_it_was(nlp):
    nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    nlp.initialize(lambda: make_examples(nlp))
    forwards = [node._func for node in nlp.get_pipe("rnn_tagger").model.walk()]
    summarize_layers(nlp)
    assert [node._func for node in nlp.get_pipe("rnn_tagger").model.walk()] == forwards


@pytest.mark.slow
@pytest.mark.parametrize(
    "args,message",
    [
        (["no_such.cfg"], "no_such.cfg"),
        (["no_such_package"], "no_such_package"),
        ([SOURCE, "--component", "ner"], "rnn_tagger"),
    ],
)
def test_bad_arguments(args, message):
    done = run_cli("-m", "spacy", "rnn", "summary", *args)
    assert done.returncode != 0 and message in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
