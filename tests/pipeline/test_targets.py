"""Sentence starts, layers of spans and custom attributes, from gold to scores."""

import numpy
import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin, Span, SpanGroup, Token
from spacy.training import Example

from spacy_rnn_tagger.evaluation.layer_summary import load_untrained, summarize_layers
from spacy_rnn_tagger.pipeline.targets import make_target
from spacy_rnn_tagger.pipeline.targets.alignment import aligned_strings

from ..conftest import make_examples, run_cli, small_model, train, train_cli


def add(nlp, target, **config):
    return nlp.add_pipe("rnn_tagger", name="mine", config={"target": target, "model": small_model(), **config})


def doc_of(nlp, words, **gold):
    """A doc of these words without spaces between them."""
    return Doc(nlp.vocab, words=words, spaces=[False] * len(words), **gold)


def through_docbin(nlp, docs, **options):
    data = DocBin(docs=docs, **options).to_bytes()
    return list(DocBin().from_bytes(data).get_docs(nlp.vocab))


@pytest.fixture
def kind():
    Token.set_extension("kind", default=None, force=True)
    yield
    Token.remove_extension("kind")


# Attributes of tokens


@pytest.mark.parametrize(
    "words",
    [
        ["a", " ", "b", "\n\n", "C", "dd"],
        ["A", " ", "b", "\n\n", "C", "dd"],
        ["a", " ", "b", "\n\nC", "dd"],  # what differs, in one token
        ["a", " ", "b", "\n\n", "Cdd"],  # what agrees, in one token
        ["a", " ", "b", "\n\n", "C", "d", "d"],
        ["a b\n\nCd", "d"],
    ],
)
@pytest.mark.parametrize("attr", ["TAG", "POS", "MORPH"])
def test_aligned_strings_are_spacys(nlp, words, attr):
    gold = doc_of(
        nlp,
        ["a", " ", "b", "\n\n", "C", "dd"],
        tags=["X", "_SP", "", "_SP", "Y", "Y"],
        pos=["NOUN", "SPACE", "", "SPACE", "VERB", "VERB"],
        morphs=["Number=Sing", "", "", "_", "Tense=Past|VerbForm=Fin", "Tense=Past|VerbForm=Fin"],
    )
    example = Example(doc_of(nlp, words), gold)
    assert aligned_strings(example, attr) == example.get_aligned(attr, as_string=True)


# Sentence starts


@pytest.mark.parametrize(
    "given,expected",
    [
        ([True, False, True, False], "SISI"),
        ([True, None, True, False], "S-SI"),  # None is unknown where others are known
        ([1, 0, 1, 0], "SISI"),  # 0 is the other way to say no
        ([True, None, None, None], "----"),  # just the first token's default
        ([1, -1, 0, 0], "SI--"),
        ([None] * 4, "----"),
    ],
)
def test_what_sentence_starts_mean(nlp, given, expected):
    y = Doc(nlp.vocab, words=list("abcd"), sent_starts=given)
    target = make_target("sents", nlp.vocab)
    gold = target.gold(Example(Doc(nlp.vocab, words=list("abcd")), y))
    assert "".join(tag or "-" for tag in gold) == expected
    assert target.is_annotated(y) == any(gold) and target.count_gold(Example(y, y)) == expected.count("S")


@pytest.mark.parametrize(
    "predicted,gold,starts,expected",
    [
        (["ab", "cd"], ["a", "b", "c", "d"], "SISI", "SS"),
        (["abc", "d"], ["a", "b", "c", "d"], "SISI", "-I"),  # a sentence starts within the token
        (["a", "b", "c", "d"], ["ab", "cd"], "SS", "SISI"),  # the rest of a first token is not one
        (["a", "bc", "d"], ["ab", "cd"], "SS", "S-I"),
        (["a", "b", "cd"], ["abc", "d"], "SI", "SII"),
    ],
)
def test_misaligned_sentence_starts(nlp, predicted, gold, starts, expected):
    y = doc_of(nlp, gold, sent_starts=[start == "S" for start in starts])
    tags = make_target("sents", nlp.vocab).gold(Example(doc_of(nlp, predicted), y))
    assert "".join(tag or "-" for tag in tags) == expected


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_sentences_are_learned_and_scored_as_by_the_senter(nlp, decoder, tmp_path):
    pipe = nlp.add_pipe("rnn_senter", config={"decoder": decoder, "model": small_model()})
    words = "I see . They eat ham . Ham is red .".split()
    y = Doc(nlp.vocab, words=words, sent_starts=[i in (0, 3, 7) for i in range(len(words))])
    examples = [Example(nlp.make_doc(y.text), reference) for reference in through_docbin(nlp, [y])]
    train(nlp, examples)
    doc = nlp(y.text)
    assert [sent.start for sent in doc.sents] == [0, 3, 7]
    scores = nlp.evaluate(examples)
    assert scores["sents_f"] == scores["sents_p"] == scores["sents_r"] == 1.0 and "sents_per_type" not in scores
    assert pipe.labels == pipe.tags == ("I", "S") and pipe.label_data == ["I", "S"]
    doc = Doc(nlp.vocab, words=words, sent_starts=[1, 1, -1, 0, 0, 0, 0, 0, 0, 0, 0])
    assert [t.is_sent_start for t in pipe(doc)][:4] == [True, True, False, True]
    pipe.overwrite = True
    assert [t.i for t in pipe(doc) if t.is_sent_start] == [0, 3, 7]
    nlp.to_disk(tmp_path)
    doc = spacy.load(tmp_path)(y.text)
    assert [sent.start for sent in doc.sents] == [0, 3, 7]


def test_the_first_token_starts_a_sentence_whatever_the_scores(nlp):
    pipe = add(nlp, "sents")
    train(nlp, make_examples(nlp), steps=1)
    pipe.model.get_ref("output_layer").set_param("b", numpy.asarray([50.0, -50.0], dtype="float32"))
    docs = [nlp.make_doc("I like ham"), nlp.make_doc(""), nlp.make_doc("a")]
    assert [path.tolist() for path in pipe.predict(docs)] == [[1, 0, 0], [], [1]]
    numpy.testing.assert_allclose(pipe.predict_proba(docs)[0][0], [0, 1])
    assert pipe.kbest(docs, 1)[0][0][0] == ["S", "I", "I"]


def test_sentence_labels_are_fixed(nlp):
    pipe = add(nlp, "sents")
    assert pipe.add_label("S") == 0
    with pytest.raises(ValueError, match="label = 'B' is unknown; allowed: 'I', 'S'"):
        pipe.add_label("B")
    with pytest.warns(UserWarning, match="no annotation for its target 'sents'.*set token.is_sent_start"):
        nlp.initialize()  # needs no data, as the labels are known


# Layers of spans


def spans_doc(nlp, words, **groups):
    doc = doc_of(nlp, words) if isinstance(words, list) else nlp.make_doc(words)
    for key, spans in groups.items():
        doc.spans[key] = [Span(doc, *span) for span in spans]
    return doc


def show(group):
    return [(span.start, span.end, span.label_) for span in group]


def test_overlapping_layers_are_several_components(nlp, tmp_path):
    for key in ("inner", "outer"):
        nlp.add_pipe("rnn_tagger", name=key, config={"target": f"spans:{key}", "model": small_model()})
    text = "Bank of England in London"
    gold = {"inner": [(2, 3, "GPE"), (4, 5, "GPE")], "outer": [(0, 3, "ORG")]}
    references = through_docbin(nlp, [spans_doc(nlp, text, **gold), spans_doc(nlp, "I eat ham", inner=[], outer=[])])
    examples = [Example(nlp.make_doc(y.text), y) for y in references]
    train(nlp, examples, steps=60)
    nlp.to_disk(tmp_path)
    for pipeline in (nlp, spacy.load(tmp_path)):
        doc = pipeline(text)
        assert show(doc.spans["inner"]) == gold["inner"] and show(doc.spans["outer"]) == gold["outer"]
        assert doc.spans["outer"].name == "outer" and len(pipeline("I eat ham").spans["inner"]) == 0
    scores = nlp.evaluate(examples)
    assert all(scores[f"spans_{key}_{x}"] == 1.0 for key in ("inner", "outer") for x in "fpr")
    assert scores["spans_inner_per_type"]["GPE"]["f"] == 1.0
    pipe = nlp.get_pipe("inner")
    assert pipe.labels == ("GPE",) and pipe.tags == ("O", "B-GPE", "I-GPE", "L-GPE", "U-GPE")
    assert pipe.predict_proba([doc])[0].shape == (5, 5) and len(pipe.kbest([doc], 3)[0]) == 3


def test_gold_spans_that_overlap_are_refused_by_name(nlp):
    add(nlp, "spans:x")
    good = spans_doc(nlp, "New York is big", x=[(0, 2, "GPE")])
    bad = spans_doc(nlp, "Bank of England", x=[(2, 3, "GPE"), (0, 3, "ORG")])
    examples = [Example(nlp.make_doc(y.text), y) for y in (good, bad)]
    message = (
        r"in doc 1 \('Bank of England'\), the gold spans 'Bank of England' \(tokens 0 to 2, label 'ORG'\) and 'England' "
        r"\(tokens 2 to 2, label 'GPE'\) of doc.spans\['x'\] overlap, .* a key of its own"
    )
    with pytest.raises(ValueError, match=message):
        nlp.initialize(lambda: examples)
    nlp.initialize(lambda: examples[:1])
    with pytest.raises(ValueError, match="in doc 'Bank of England', the gold spans"):
        nlp.update(examples, sgd=False)
    twice = spans_doc(nlp, "New York", x=[(0, 2, "GPE"), (0, 2, "GPE")])
    assert make_target("spans:x", nlp.vocab).gold(Example(nlp.make_doc("New York"), twice)) == ["B-GPE", "L-GPE"]


@pytest.mark.parametrize(
    "predicted,gold,spans,expected",
    [
        (["a", "b", "c"], ["a", "b", "c"], [(0, 2, "X")], ["B-X", "L-X", "O"]),
        (["ab", "c"], ["a", "b", "c"], [(0, 2, "X")], ["U-X", "O"]),
        (["ab", "c"], ["a", "b", "c"], [(1, 3, "X")], [None, None]),
        (["a", "b", "c"], ["ab", "c"], [(0, 1, "X")], ["B-X", "L-X", "O"]),
        (["a", "bc", "d"], ["ab", "cd"], [(0, 1, "X")], [None, None, "O"]),
        (["ab", "c"], ["a", "b", "c"], [(0, 1, "X"), (1, 2, "Y")], [None, "O"]),
        (["a", "\n", "b"], ["a", "\n", "b"], [(0, 2, "X")], [None, None, "O"]),
        (["a", "b"], ["a", "b"], [], ["O", "O"]),
        (["a", "b"], ["a", "b"], None, [None, None]),
    ],
)
def test_misaligned_spans(nlp, predicted, gold, spans, expected):
    y = spans_doc(nlp, gold, **({} if spans is None else {"k": spans}))
    target = make_target("spans:k", nlp.vocab)
    eg = Example(doc_of(nlp, predicted), y)
    assert target.gold(eg) == expected and target.is_annotated(y) == (spans is not None)
    assert target.count_aligned(eg) == sum(tag is not None and tag[0] in "BU" for tag in expected)


def test_spans_that_are_there_stay(nlp):
    pipe = add(nlp, "spans:layer")
    train(nlp, make_examples(nlp))
    text = "Anna Berg works in New York."
    doc = nlp(text)
    assert show(doc.spans["layer"]) == [(0, 2, "PERSON"), (4, 6, "GPE")]
    doc = spans_doc(nlp, text, layer=[(1, 4, "GPE"), (2, 3, "ODD")], other=[(0, 7, "ALL")])
    doc.spans["layer"].attrs["source"] = "rules"
    other = doc.spans["other"]
    doc = pipe(doc)
    # The present spans overlap, which is theirs to do; nothing found crosses them.
    assert show(doc.spans["layer"]) == [(1, 4, "GPE"), (2, 3, "ODD"), (4, 6, "GPE")]
    assert doc.spans["layer"].attrs == {"source": "rules"}
    assert isinstance(doc.spans["layer"], SpanGroup) and show(other) == show(doc.spans["other"]) == [(0, 7, "ALL")]
    pipe.overwrite = True
    assert show(pipe(doc).spans["layer"]) == [(0, 2, "PERSON"), (4, 6, "GPE")]
    assert set(doc.spans) == {"layer", "other"}


def test_docs_without_the_key_are_neither_learned_nor_scored(nlp):
    pipe = add(nlp, "spans:layer")
    examples = make_examples(nlp)
    train(nlp, examples, steps=1)
    bare = Example(nlp.make_doc("Some words"), nlp.make_doc("Some words"))
    assert nlp.update([bare], sgd=False)["mine"] == 0.0
    assert pipe.score([Example(pipe(nlp.make_doc("Some words")), nlp.make_doc("Some words"))])["spans_layer_f"] is None


# Custom attributes


def test_an_extension_is_learned_scored_and_kept(nlp, kind, tmp_path):
    pipe = add(nlp, "_.kind")
    examples = make_examples(nlp)
    references = through_docbin(nlp, [eg.reference for eg in examples], store_user_data=True)
    examples = [Example(nlp.make_doc(y.text), y) for y in references]
    train(nlp, examples)
    assert pipe.score_keys == ("kind_acc",) and nlp.evaluate(examples)["kind_acc"] == 1.0
    nlp.to_disk(tmp_path)
    doc = nlp.make_doc("I like London.")
    doc[0]._.kind = "mine"
    assert [t._.kind for t in spacy.load(tmp_path).get_pipe("mine")(doc)] == ["mine", "verb", "propn", "punct"]
    pipe.overwrite = True
    assert [t._.kind for t in pipe(doc)] == ["pron", "verb", "propn", "punct"]
    docs = list(nlp.pipe(["I like London."] * 3, n_process=2, batch_size=1))
    assert all([t._.kind for t in doc] == ["pron", "verb", "propn", "punct"] for doc in docs)


def test_an_extension_lost_on_the_way_is_named(nlp, kind):
    add(nlp, "_.kind")
    lost = through_docbin(nlp, [eg.reference for eg in make_examples(nlp)])
    with pytest.raises(ValueError, match=r"target '_.kind' .* no doc has user data .*store_user_data=True"):
        nlp.initialize(lambda: [Example(nlp.make_doc(y.text), y) for y in lost])
    Token.set_extension("kind", default="none", force=True)  # a default is no gold
    with pytest.raises(ValueError, match="no doc has user data"):
        nlp.initialize(lambda: [Example(nlp.make_doc(y.text), y) for y in lost])


def test_an_extension_that_is_not_registered(nlp, kind):
    pipe = add(nlp, "_.kind")
    examples = make_examples(nlp)
    train(nlp, examples, steps=1)
    Token.remove_extension("kind")
    Token.set_extension("kinds", default=None)
    message = (
        r"no custom attribute 'kind'; register it .* Token.set_extension\('kind', default=None\). Did you mean 'kinds'"
    )
    try:
        for use in (
            lambda: pipe(nlp.make_doc("I")),
            lambda: pipe.update(examples),
            lambda: nlp.initialize(lambda: examples),
        ):
            with pytest.raises(ValueError, match=message):
                use()
        Token.set_extension("kind", getter=lambda token: "x")
        with pytest.raises(ValueError, match="is computed, by a getter without a setter"):
            pipe(nlp.make_doc("I"))
    finally:
        Token.remove_extension("kinds")
        Token.set_extension("kind", default=None, force=True)


def test_an_extension_with_a_setter_of_its_own(nlp, kind):
    pipe = add(nlp, "_.kind")
    examples = make_examples(nlp)
    train(nlp, examples)

    def put(token, value):
        token.doc.user_data[("mine", token.i)] = value

    Token.set_extension("kind", getter=lambda t: t.doc.user_data.get(("mine", t.i)), setter=put, force=True)
    doc = pipe(nlp.make_doc("I like London."))
    assert doc.user_data[("mine", 1)] == "verb"
    assert make_target("_.kind", nlp.vocab).gold(Example(doc, doc)) == ["pron", "verb", "propn", "punct"]


def test_an_extension_that_is_no_string(nlp, kind):
    add(nlp, "_.kind")
    examples = make_examples(nlp)
    examples[2].reference[1]._.kind = 3
    with pytest.raises(
        ValueError, match=r"must be a string, but it is 3 \(of type int\) for token 1 \('eat'\) of doc 2"
    ):
        nlp.initialize(lambda: examples)


@pytest.mark.parametrize(
    "predicted,gold,values,expected",
    [
        (["ab", "c"], ["a", "b", "c"], ["x", "x", "y"], ["x", "y"]),
        (["ab", "c"], ["a", "b", "c"], ["x", "y", "z"], [None, "z"]),
        (["a", "b", "c"], ["ab", "c"], ["x", "y"], ["x", "x", "y"]),
        (["a", "b"], ["a", "b"], ["x", ""], ["x", None]),
        (["a", "b"], ["a", "b"], [None, "x"], [None, "x"]),
        (["a", "b"], ["a", "b"], [None, None], [None, None]),
    ],
)
def test_misaligned_extensions(nlp, kind, predicted, gold, values, expected):
    x, y = doc_of(nlp, predicted), doc_of(nlp, gold)
    for token, value in zip(y, values):
        if value is not None:
            token._.kind = value
    target = make_target("_.kind", nlp.vocab)
    assert target.gold(Example(x, y)) == expected
    # Half right, over the aligned tokens whose gold is known.
    known = [i for i, value in enumerate(expected) if value is not None]
    for i in known[::2]:
        x[i]._.kind = expected[i]
    pipe = add(nlp, "_.kind")
    assert pipe.score([Example(x, y)])["kind_acc"] == (len(known[::2]) / len(known) if known else None)


# All of them


@pytest.mark.parametrize("name", ["", "spans:", "_.", "sent", "span:x"])
def test_unknown_targets(nlp, name):
    allowed = "'tag', 'pos', 'morph', 'ents', 'sents', 'spans:<key>', '_.<extension>'"
    with pytest.raises(ValueError, match=f"target = '{name}' is unknown; allowed: {allowed}"):
        add(nlp, name)


def test_data_for_another_target_say_so(nlp, kind):
    add(nlp, "spans:missing")
    with pytest.raises(
        ValueError, match=r"annotated targets: .*sents, spans:layer, _.kind.*doc.spans\['missing'\]; check the key"
    ):
        nlp.initialize(lambda: make_examples(nlp))


@pytest.mark.parametrize("target,label", [("spans:layer", "NEW"), ("_.kind", "new")])
def test_labels_can_be_added_later(nlp, kind, target, label):
    pipe = add(nlp, target)
    train(nlp, make_examples(nlp))
    doc = nlp.make_doc("Anna eats ham in London.")
    before, path = pipe.model.predict([doc])[0].copy(), pipe.predict([doc])[0]
    assert pipe.add_label(label) == 1
    numpy.testing.assert_allclose(pipe.model.predict([doc])[0][:, : before.shape[1]], before, atol=1e-6)
    assert (pipe.predict([doc])[0] == path).all()


CONFIG = """
[paths]
train = null
dev = null

[nlp]
lang = "en"
pipeline = ["sents","layer"]

[components]

[components.sents]
factory = "rnn_senter"

[components.layer]
factory = "rnn_tagger"
target = "spans:layer"
incorrect_spans_key = "wrong"

[corpora]

[corpora.train]
@readers = "spacy-rnn-tagger.corpus.v1"
path = ${paths.train}

[corpora.dev]
@readers = "spacy-rnn-tagger.corpus.v1"
path = ${paths.dev}

[training]
max_steps = 2
eval_frequency = 1

[training.score_weights]
sents_f = 0.5
spans_layer_f = 0.5
"""


def test_command_line(nlp, tmp_path):
    data, config, filled = tmp_path / "toy.spacy", tmp_path / "base.cfg", tmp_path / "config.cfg"
    DocBin(docs=[eg.reference for eg in make_examples(nlp)]).to_disk(data)
    config.write_text(CONFIG)
    done = run_cli("-m", "spacy", "init", "fill-config", config, filled)
    assert done.returncode == 0, done.stdout + done.stderr
    paths = ["--paths.train", data, "--paths.dev", data]
    done = run_cli("-m", "spacy", "debug", "config", filled, *paths)
    assert done.returncode == 0, done.stdout + done.stderr
    done = run_cli("-m", "spacy", "debug", "data", filled, *paths)
    assert "Pipeline can be initialized with data" in done.stdout, done.stdout + done.stderr
    done = run_cli("-m", "spacy", "init", "labels", filled, tmp_path / "labels", *paths)
    assert done.returncode == 0, done.stdout + done.stderr
    sections = ""
    for name, labels in (("sents", ["I", "S"]), ("layer", ["GPE", "PERSON"])):
        path = tmp_path / "labels" / f"{name}.json"
        assert srsly.read_json(path) == labels
        section = f"initialize.components.{name}"
        sections += f'\n[{section}]\n\n[{section}.labels]\n@readers = "spacy.read_labels.v1"\npath = "{path}"\n'
    filled.write_text(filled.read_text() + sections)
    out = train_cli(filled, tmp_path / "out", {"paths.train": data, "paths.dev": data})
    assert "SENTS_F" in out and "SPANS_LAYER_F" in out
    rows = summarize_layers(load_untrained(str(tmp_path / "out" / "model-best"), {})).components
    assert rows["sents"][-1].shape[-1] == 2 and rows["layer"][-1].shape[-1] == 9
    rows = summarize_layers(load_untrained(str(filled), {})).components
    assert rows["sents"][-1].shape[-1] == 2  # known without data


def test_score_weights_of_another_key_are_asked_for(nlp):
    nlp.add_pipe("rnn_spans", config={"spans_key": "layer", "model": small_model()})
    nlp._config["paths"]["train"] = "train.spacy"
    with pytest.raises(ValueError, match=r"scored by spans_layer_f, which has no entry .*Did you mean 'spans_sc_f'"):
        nlp.initialize(lambda: make_examples(nlp))
