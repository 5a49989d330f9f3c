"""`python -m spacy rnn bias`."""

import json
import re

import pytest

from spacy_rnn_tagger.cli.bias import format_labels, next_steps
from spacy_rnn_tagger.evaluation.bias_curve import Point
from spacy_rnn_tagger.evaluation.bias_sweep import TOGETHER, BiasSweep, ComponentBiases

from ..fixtures.commands import run, saved, words_of  # noqa: F401


def titles(printed):
    return re.findall("^(rnn_tagger|rnn_ner|GPE|PERSON|NN|IN|all labels)$", printed, flags=re.M)


def test_bias_command(saved, tmp_path):  # noqa: F811
    model, dev, _ = saved
    figure, data = tmp_path / "curve.png", tmp_path / "curve.json"
    args = ["bias", model, dev, "-C", "rnn_ner", "-n", 5, "--json", data, "--figure", figure]
    code, printed = run(*args)
    assert code == 0, printed
    assert printed.count(" *\n") == 1 and titles(printed) == ["rnn_ner", "all labels"]
    assert figure.stat().st_size > 1000
    (report,) = json.loads(data.read_text())["components"]
    points = report["curves"]["all labels"]
    assert report["component"] == "rnn_ner" and [point["bias"] for point in points] == [-3.0, -1.5, 0.0, 1.5, 3.0]
    assert points[0]["recall"] <= points[-1]["recall"]
    code, printed = run(*args)
    assert code == 2 and "exists; name another file, or pass --force" in words_of(printed)
    assert run(*args, "--force")[0] == 0
    code, printed = run("bias", model, dev, "-C", "rnn_ner", "--each", "-n", 2)
    assert code == 0 and titles(printed) == ["rnn_ner", "GPE", "PERSON"]
    code, printed = run("bias", model, dev, "-C", "rnn_tagger", "-l", "NN", "-l", "IN", "-n", 2)
    assert code == 0 and titles(printed) == ["rnn_tagger", "NN", "IN"]


def test_a_pipeline_of_several_components_needs_no_choice(saved):  # noqa: F811
    """The pipeline that the first command of README.md trains is of this kind."""
    model, dev, _ = saved
    code, printed = run("bias", model, dev, "-n", 3)
    assert code == 0 and titles(printed) == ["rnn_tagger", "rnn_ner", "all labels"]
    assert re.search(r"^label +F +best bias", printed, flags=re.M) and re.search(
        r"^NNP +[\d.]+ +-?[\d.]+", printed, flags=re.M
    )
    steps = printed.partition("Next:")[2]
    assert "python -m spacy evaluate" in steps
    for name in ("rnn_tagger", "rnn_ner"):
        assert re.search(rf"{name}: (set .* in \[components.{name}.label_bias\]|no bias has a better F)", steps)


@pytest.mark.parametrize("now,by", [(0.5, "set every label = 1 in"), (0.7, "no bias has a better F than 0")])
def test_the_best_bias_is_compared_with_that_nearest_to_none(now, by):
    """Whichever is swept first."""
    points = [Point(bias, 9, 0.5, 0.5, f) for bias, f in ((-1.0, 0.6), (0.0, now), (1.0, 0.7))]
    label = format_labels({"NN": points}).splitlines()[-1]
    assert label.split()[:2] == ["NN", f"{100 * now:.2f}"]
    sweep = BiasSweep([ComponentBiases("ner", {TOGETHER: points}, by_label=False)])
    assert next_steps(sweep, "model")[0].startswith(f"ner: {by}")


@pytest.mark.parametrize(
    "wrong, message",
    [
        (["-C", "rnn_ner", "-l", "GPX"], "the labels are 'GPE', 'PERSON'. Did you mean 'GPE'?"),
        (["-l", "GPX"], "components 'rnn_tagger', 'rnn_ner': --label names the label 'GPX'"),
        (["--range", "1", "1"], "--range 1 1 is not allowed; it must be two finite numbers, the first below"),
        (["--range", "0", "nan"], "it must be two finite numbers"),
        (["--figure", "curve.bmp"], "has an unknown ending; allowed: .pdf, .png, .svg"),
        (["--figure", "curve"], "has an unknown ending"),
    ],
)
def test_bias_refuses(saved, wrong, message):  # noqa: F811
    model, dev, _ = saved
    code, printed = run("bias", model, dev, *wrong)
    assert code == 2 and message in words_of(printed)
