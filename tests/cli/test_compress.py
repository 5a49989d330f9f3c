"""The command that makes trained pipelines small, and the benchmark of what that costs."""

import json
import re
import shutil

import numpy
import pytest
import spacy
from spacy.cli.package import package
from spacy.strings import get_string_id
from spacy.tokens import DocBin
from spacy.vectors import Vectors

from benchmarks import small_models
from spacy_rnn_tagger.models.storage.compact_vectors import REGISTERED
from spacy_rnn_tagger.pipeline.compression import size_on_disk

from ..conftest import make_examples, small_model
from ..fixtures import commands
from ..fixtures.small_pipelines import OURS, files, make_pipeline, outputs


def run(*args):
    code, printed = commands.run(*args)
    return code, commands.words_of(printed)


@pytest.fixture
def saved(tmp_path):
    """A pipeline on disk, development data, and where to save."""
    nlp = make_pipeline()
    nlp.to_disk(tmp_path / "model")
    DocBin(docs=[eg.reference for eg in make_examples(nlp)]).to_disk(tmp_path / "dev.spacy")
    return tmp_path / "model", tmp_path / "dev.spacy", tmp_path / "new" / "small"


def test_compress_command(saved):
    model, dev, out = saved
    code, printed = run("compress", model, out, "--data", dev)
    assert code == 0, printed
    nlp = spacy.load(out)
    assert nlp.pipe_names == ["tok2vec", "rnn_tagger", "rnn_ner", "theirs"]
    assert "Weights as int8: tok2vec, rnn_tagger, rnn_ner" in printed
    assert "As before, since their models are not of spacy-rnn-tagger: theirs" in printed
    assert "Left out, since only training needs them: rnn_language_model" in printed
    sizes = [size_on_disk(path) for path in (model, out)]
    assert f"size, MB {sizes[0] / 1e6:.2f} {sizes[1] / 1e6:.2f} {100 * sizes[1] / sizes[0] - 100:+.1f} %" in printed
    for path, column in ((model, 0), (out, 1)):
        pipeline = spacy.load(path)
        scores = pipeline.evaluate(make_examples(pipeline))
        for key in ("tag_acc", "ents_f", "ents_p", "ents_r"):
            row = re.search(rf"{key}, % ([\d.]+) ([\d.]+) ([+-][\d.]+)", printed)
            assert row[column + 1] == f"{100 * scores[key]:.2f}" and row[3] != "-0.00"
    # The settings are in the config, so that the pipeline is saved like that again.
    nlp.to_disk(out.parent / "again")
    assert files(out.parent / "again") == files(out)
    package(out, out.parent, name="tiny", create_sdist=False, create_wheel=False, silent=True)
    (data,) = out.parent.glob("en_tiny-*/en_tiny/en_tiny-*")
    assert outputs(spacy.load(data)) == outputs(nlp)


def test_compress_command_keeps_and_replaces(saved):
    model, _, out = saved
    assert run("compress", model, out, "--weights", "float16", "--keep-language-model")[0] == 0
    assert spacy.load(out).pipe_names == [*OURS, "theirs"]
    code, printed = run("compress", model, out)
    assert code == 2 and "is not empty; name another directory, or pass --force" in printed
    before = files(out)
    for force in ([], ["--force"]):
        code, printed = run("compress", out, out, *force)
        assert code == 2 and "is the pipeline that is read; name another place" in printed and files(out) == before
    (out / "rnn_ner" / "old").write_text("left by another pipeline")
    code, printed = run("compress", model, out, "--force")
    assert code == 0 and [path.name for path in out.parent.iterdir()] == ["small"]
    after = files(out)
    assert set(after) == {name for name in before if not name.startswith("rnn_language_model")}
    assert len(after["tok2vec/model"]) < len(before["tok2vec/model"])


def test_compress_command_refuses(saved, tmp_path):
    model, dev, out = saved

    def refusal(*args):
        code, printed = run("compress", *args)
        assert code == 2 and "Traceback" not in printed and not out.exists()
        return printed

    assert "--weights = 'int88' is unknown; allowed: 'float32', 'float16', 'int8'. Did you mean 'int8'?" in refusal(
        model, out, "--weights", "int88"
    )
    assert "Can't find model" in refusal(tmp_path / "nowhere", out)
    assert "is a file; name a directory" in refusal(model, dev)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("not a pipeline")
    assert "is not empty and holds no pipeline" in refusal(model, tmp_path / "mine", "--force")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "not a pipeline"
    DocBin().to_disk(tmp_path / "empty.spacy")
    assert "have no tokens" in refusal(model, out, "--data", tmp_path / "empty.spacy")
    other = spacy.blank("en")
    other.add_pipe("sentencizer")
    other.to_disk(tmp_path / "other")
    assert "no component with a model of spacy-rnn-tagger to store: sentencizer" in refusal(tmp_path / "other", out)
    assert "int8 rows with a scale each" in run("compress", "--help")[1]


def test_benchmark(saved, tmp_path, capsys):
    model, dev, _ = saved
    other = spacy.blank("en")
    other.add_pipe("rnn_tagger", config={"model": small_model(), "target": "pos"})
    other.initialize(lambda: make_examples(other))
    other.to_disk(tmp_path / "other")
    paths = [model, dev, tmp_path / "other", dev]
    assert small_models.main([*map(str, paths), "--output", str(tmp_path / "metrics")]) == 0
    table = (tmp_path / "metrics" / "small_models.md").read_text(encoding="utf8")
    assert table in capsys.readouterr().out
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert rows[0] == [
        "pipeline",
        "data",
        "weights",
        "MB",
        *(f"`{key}`, %" for key in ("tag_acc", "ents_f", "ents_p", "ents_r", "pos_acc")),
    ]
    assert [row[2] for row in rows[2:]] == ["as trained", "float32", "float16", "int8"] * 2
    assert [row[8] for row in rows[2:6]] == ["–"] * 4 == [row[4] for row in rows[6:]]
    assert re.fullmatch(r"\d+\.\d\d", rows[6][8]) and rows[7][8] == f"{rows[6][8]} (+0.00)"
    measured = json.loads((tmp_path / "metrics" / "small_models.json").read_text())
    for first, *others in measured:
        assert [row["bytes"] for row in others] == sorted((row["bytes"] for row in others), reverse=True)
        assert others[0]["scores"] == first["scores"]
    assert measured[0][0]["bytes"] > measured[0][1]["bytes"]  # the language model is gone
    shutil.rmtree(tmp_path / "other")
    for wrong, message in ((paths[:3], "each pipeline needs a .spacy file"), (paths, "other; train the pipeline")):
        with pytest.raises(SystemExit):
            small_models.main([str(path) for path in wrong])
        assert message in capsys.readouterr().err


def test_compress_command_with_vectors(saved, tmp_path):
    model, dev, out = saved
    nlp = spacy.load(model)
    data = numpy.random.default_rng(0).normal(size=(40, 12)).astype("float32")
    nlp.vocab.vectors = Vectors(data=data, keys=[*(f"w{i}" for i in range(38)), "like", "ham"], attr="LOWER")
    nlp.to_disk(tmp_path / "vectors")
    code, printed = run("compress", tmp_path / "vectors", out, "--vectors", "int8", "--data", dev)
    assert code == 0 and "Static vectors as int8, for 40 words" in printed, printed
    small = spacy.load(out)
    assert numpy.abs(small.vocab.vectors["ham"] - data[39]).max() < 0.02
    assert small.config["nlp"]["vectors"] == {"@vectors": REGISTERED, "storage": "int8"}
    assert outputs(small) == outputs(spacy.load(out))
    code, printed = run("compress", tmp_path / "vectors", out, "--words", 3, "--force", "--json", tmp_path / "numbers")
    assert code == 0 and set(spacy.load(out).vocab.vectors.keys()) == {get_string_id(f"w{i}") for i in range(3)}
    assert json.loads((tmp_path / "numbers").read_text())["compression"]["n_words"] == 3
    (tmp_path / "words.txt").write_text("Ham\n\n w1 \n")
    run("compress", tmp_path / "vectors", out, "-V", "float16", "--words", tmp_path / "words.txt", "--force")
    vectors = spacy.load(out).vocab.vectors
    assert set(vectors.keys()) == {get_string_id("ham"), get_string_id("w1")} and vectors.data.dtype == numpy.float16
    before = files(out)
    for args, message in (
        ((model, out, "--force", "--vectors", "int8"), "no static vectors to store in another form"),
        (
            (tmp_path / "vectors", out, "--force", "--vectors", "int4"),
            "--vectors = 'int4' is unknown; allowed: 'float32'",
        ),
        ((tmp_path / "vectors", out, "--force", "--words", "0"), "neither a number of at least 1 nor a file"),
        ((tmp_path / "vectors", out, "--force", "--words", tmp_path / "none"), "neither a number of at least 1 nor a"),
        ((tmp_path / "vectors", out, "--force", "--words", dev), "is not a text file"),
    ):
        code, printed = run("compress", *args)
        assert code == 2 and message in printed and files(out) == before, printed
