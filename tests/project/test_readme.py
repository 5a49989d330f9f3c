"""What README says is so."""

import re

import pytest
import spacy
from spacy.training import Example
from thinc.api import Config

from benchmarks.accuracy.corpora import CORPORA
from spacy_rnn_tagger.pipeline.targets import make_target

from ..conftest import CONFIGS, ROOT, copy_project, run_cli

README = (ROOT / "README.md").read_text(encoding="utf8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.S)


def test_the_example_runs(capsys):
    code = blocks("python")[0]
    assert len(code.strip().splitlines()) <= 27
    exec(compile(code, "README.md", "exec"), {})
    out = capsys.readouterr().out
    assert "('Agra Fort', 'FAC'), ('Delhi', 'GPE')" in out


def test_training_on_learns_the_new_and_keeps_the_old(capsys):
    names = {}
    for block in blocks("python")[:2]:
        exec(compile(block, "README.md", "exec"), names)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "[('Mount Everest', 'LOC'), ('Agra Fort', 'FAC'), ('Agra', 'GPE')]"


def test_the_probabilities_can_be_read(capsys):
    names = {"text": "Agra Fort is in Delhi."}
    exec(compile(blocks("python")[0], "README.md", "exec"), names)
    capsys.readouterr()
    exec(compile(blocks("python")[2], "README.md", "exec"), names)
    numbers = [float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()]
    assert len(numbers) == 2 + 6 and all(0.5 < number <= 1 for number in numbers)


def test_the_gold_that_is_partial_is_understood():
    names = {}
    exec(compile(blocks("python")[0], "README.md", "exec"), names)
    exec(compile(blocks("python")[3], "README.md", "exec"), names)
    tags, ents, vocab = names["tags"], names["ents"], names["nlp"].vocab
    target = make_target("tag", vocab, alternatives_key="maybe")
    assert target.gold(Example(tags, tags)) == ["PRP", None, None, None]
    assert target.alternatives(Example(tags, tags)) == [None, None, None, {"NNS", "VBZ"}]
    target = make_target("ents", vocab, incorrect_spans_key="wrong")
    assert target.gold(Example(ents, ents)) == [None, None, None, None, "U-GPE"]
    assert target.incorrect(Example(ents, ents)) == [(2, 3, "GPE")]


def test_ci_runs_the_test_command():
    assert README.index("```bash") < 700
    assert blocks("bash")[1].strip() in (ROOT / ".ci" / "run").read_text()
    assert "spacy project run all" in blocks("bash")[0]


def test_the_config_excerpt_is_the_default():
    excerpt = Config().from_str("[components]\n\n" + blocks("ini")[0])["components"]["rnn_tagger"]
    factory = excerpt.pop("factory")
    meta = spacy.blank("en").add_pipe(factory) and spacy.blank("en").get_factory_meta(factory)
    default = dict(meta.default_config)
    assert default.pop("scorer") == {"@scorers": "spacy-rnn-tagger.target_scorer.v1"}
    default["model"]["tok2vec"]["encode"]["width"] = 128  # the interpolated value
    assert Config(excerpt) == Config(default)


def test_the_option_table_lists_every_option():
    options = set(re.findall(r"^\| `(\w+)` \|", README.split("| option |")[1].split("\n\n")[0], flags=re.M))
    assert options == set(spacy.blank("en").get_factory_meta("rnn_tagger").default_config)


def test_registered_names_are_in_the_readme():
    text = (ROOT / "setup.cfg").read_text()
    for name in re.findall(r"^    (spacy-rnn-tagger\.\w+\.v\d) =", text, flags=re.M):
        assert name in README, name


def test_the_project_section_is_up_to_date(tmp_path):
    copy_project(tmp_path)  # local assets that exist become links
    done = run_cli("-m", "weasel", "document", tmp_path, "--output", tmp_path / "README.md")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "README.md").read_text(encoding="utf8") == README


def test_linked_files_exist():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


# The results that benchmarks/results keeps of these configs are found by a checksum of their text (`Run.key` in
# benchmarks/accuracy/runs.py). So they cannot name a setting that is younger than the results.
KEPT = {path.name for data in CORPORA.values() for path in (data.config, data.vectors_config)}


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.cfg")), ids=lambda path: path.name)
def test_configs_are_fixed_points_of_fill_config(path, tmp_path):
    from spacy.cli.init_config import fill_config

    before = path.read_text(encoding="utf8")
    fill_config(tmp_path / "filled.cfg", path, silent=True)
    filled = (tmp_path / "filled.cfg").read_text(encoding="utf8")
    if path.name in KEPT:
        assert "engine" not in before
        filled = filled.replace('\nengine = "torch"', "")
    assert filled == before
