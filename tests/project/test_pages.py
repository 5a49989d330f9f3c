"""What the pages of docs/ say is so."""

import re

import pytest
import spacy
from spacy.training import Example
from thinc.api import Config

from benchmarks.accuracy.corpora import CORPORA
from scripts import messages_page
from scripts.project_page import document
from spacy_rnn_tagger.pipeline.targets import make_target

from ..conftest import CONFIGS, OWN_CONFIGS, ROOT, copy_project, run_cli

PAGES = {path.name: path.read_text(encoding="utf8") for path in sorted((ROOT / "docs").glob("*.md"))}


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", PAGES[page], flags=re.S)


def run(code, names):
    exec(compile(code, "a page of docs", "exec"), names)
    return names


def test_the_example_runs(capsys):
    code = blocks("training.md", "python")[0]
    run(code, {})
    assert "('Agra Fort', 'FAC'), ('Delhi', 'GPE')" in capsys.readouterr().out


def test_training_on_learns_the_new_and_keeps_the_old(capsys):
    names = {}
    for block in blocks("training.md", "python"):
        run(block, names)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "[('Mount Everest', 'LOC'), ('Agra Fort', 'FAC'), ('Agra', 'GPE')]"


def test_the_probabilities_can_be_read(capsys):
    names = run(blocks("training.md", "python")[0], {"text": "Agra Fort is in Delhi."})
    capsys.readouterr()
    run(blocks("confidence.md", "python")[0], names)
    numbers = [float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()]
    assert len(numbers) == 2 + 6 and all(0.5 < number <= 1 for number in numbers)


def test_the_gold_that_is_partial_is_understood():
    names = run(blocks("partial.md", "python")[0], {"nlp": spacy.blank("en")})
    tags, ents, vocab = names["tags"], names["ents"], names["nlp"].vocab
    target = make_target("tag", vocab, alternatives_key="maybe")
    assert target.gold(Example(tags, tags)) == ["PRP", None, None, None]
    assert target.alternatives(Example(tags, tags)) == [None, None, None, {"NNS", "VBZ"}]
    target = make_target("ents", vocab, incorrect_spans_key="wrong")
    assert target.gold(Example(ents, ents)) == [None, None, None, None, "U-GPE"]
    assert target.incorrect(Example(ents, ents)) == [(2, 3, "GPE")]


def test_the_config_excerpt_is_the_default():
    excerpt = Config().from_str("[components]\n\n" + blocks("components.md", "ini")[0])["components"]["rnn_tagger"]
    factory = excerpt.pop("factory")
    meta = spacy.blank("en").add_pipe(factory) and spacy.blank("en").get_factory_meta(factory)
    default = dict(meta.default_config)
    assert default.pop("scorer") == {"@scorers": "spacy-rnn-tagger.target_scorer.v1"}
    default["model"]["tok2vec"]["encode"]["width"] = 128  # the interpolated value
    assert Config(excerpt) == Config(default)


def test_the_option_table_lists_every_option():
    table = PAGES["components.md"].split("| option |")[1].split("\n\n")[0]
    options = set(re.findall(r"^\| `(\w+)` \|", table, flags=re.M))
    assert options == set(spacy.blank("en").get_factory_meta("rnn_tagger").default_config)


def test_registered_names_are_described():
    text = (ROOT / "setup.cfg").read_text()
    for name in re.findall(r"^    (spacy-rnn-tagger\.\w+\.v\d) =", text, flags=re.M):
        assert name in PAGES["components.md"], name


def test_the_page_of_the_project_is_up_to_date(tmp_path):
    copy_project(tmp_path)  # local assets that exist become links
    assert document(tmp_path) == PAGES["project.md"], "run python scripts/project_page.py"


def test_words_may_hold_spaces_and_tags_be_any_string(capsys):
    run(blocks("languages.md", "python")[0], {})
    assert capsys.readouterr().out.strip() == "[('chủ tịch', 'N'), ('xã', 'N'), ('nhắc', 'V'), ('!', '!')]"


def test_a_component_stands_in_other_pipelines(capsys):
    names = {}
    for block in blocks("pipelines.md", "python"):
        run(block, names)
    beside, alone = capsys.readouterr().out.splitlines()
    assert beside == "[('Acme', 'ORG'), ('Anna', 'PERSON')]"
    assert alone == "[('Anna', 'PERSON'), ('Delhi', 'GPE')]"


def test_the_worked_examples_of_contributing(capsys):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf8")
    names = {}
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.S):
        assert len(block.splitlines()) < 30
        run(block, names)
    nlp = spacy.blank("en")
    doc = nlp("They run")
    doc[1].lemma_ = "run"
    target = names["LemmaTarget"](nlp.vocab)
    assert target.labels_in(Example(nlp.make_doc("They run"), doc)) == {"run"}
    names["count"](str(CONFIGS / "rnn_tagger_smoke.cfg"))
    assert int(capsys.readouterr().out) > 10
    assert text.split("```bash\n")[1].split("```")[0].strip() in (ROOT / ".ci" / "run").read_text()


def test_the_site_is_built_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs")
    done = run_cli("-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site")
    assert done.returncode == 0, done.stderr
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf8").partition("nav:")[2]
    assert {*re.findall(r": (\w+\.md)", nav)} == {*PAGES, "index.md", "reference.md"}
    reference = (tmp_path / "site" / "reference" / "index.html").read_text(encoding="utf8")
    for name in re.findall(r"^    (\S+) = spacy_rnn_tagger", (ROOT / "setup.cfg").read_text(), flags=re.M):
        assert name in reference or name == "spacy-rnn-tagger.rnn"  # the commands have pages of their own
    assert "<li><code>tok2vec</code> (<code>Model[" in reference and "<li><strong>Returns</strong> (" in reference
    assert not re.search(r"(RETURNS|YIELDS|RAISES) \(", reference), "docs/docstring_lists.py has missed it"


def test_every_message_has_its_entry():
    assert messages_page.page() == PAGES["troubleshooting.md"], "run python scripts/messages_page.py"
    with pytest.raises(ValueError) as caught:
        spacy.blank("en").add_pipe("rnn_tagger", config={"decoder": "viterbi"})
    entries = [line[2:].strip("` ") for line in PAGES["troubleshooting.md"].splitlines() if line.startswith("* ")]
    patterns = [".*".join(map(re.escape, entry.split("…"))) for entry in entries]
    assert any(re.fullmatch(pattern, str(caught.value)) for pattern in patterns), caught.value


@pytest.mark.parametrize("page", [*PAGES, "../README.md", "../CONTRIBUTING.md"])
def test_links_lead_somewhere(page):
    path = ROOT / "docs" / page
    for target, anchor in re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", path.read_text(encoding="utf8")):
        linked = path.parent / target if target else path
        assert linked.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf8"), flags=re.M)
            assert anchor in {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}, anchor


# The results that benchmarks/results keeps of these configs are found by a checksum of their text (`Run.key` in
# benchmarks/accuracy/runs.py). So they cannot name a setting that is younger than the results.
KEPT = {path.name for data in CORPORA.values() for path in (data.config, data.vectors_config) if path}
YOUNGER = ('\nengine = "torch"', "\ncache_mb = 128")


@pytest.mark.parametrize("path", OWN_CONFIGS, ids=lambda path: path.name)
def test_configs_are_fixed_points_of_fill_config(path, tmp_path):
    from spacy.cli.init_config import fill_config

    before = path.read_text(encoding="utf8")
    fill_config(tmp_path / "filled.cfg", path, silent=True)
    filled = (tmp_path / "filled.cfg").read_text(encoding="utf8")
    if path.name in KEPT:
        for setting in YOUNGER:
            assert setting not in before
            filled = filled.replace(setting, "")
    assert filled == before
