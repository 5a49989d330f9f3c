"""The comparison with other taggers: its parts, what it keeps on disk, and real runs on a few sentences."""

import json
import random
import threading

import pytest
import spacy
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.scorer import Scorer
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus, Example

from benchmarks.accuracy import __main__ as command
from benchmarks.accuracy import curve, table
from benchmarks.accuracy.bio import to_entities, to_tags
from benchmarks.accuracy.runs import Run, complete_all, make_runs
from benchmarks.accuracy.scores import score
from benchmarks.accuracy.sentences import Sentence, from_doc, read_sentences, write_part
from benchmarks.accuracy.systems.base import System, TrainingError
from benchmarks.accuracy.systems.crfsuite import features, shape
from benchmarks.accuracy.systems.registry import system_names
from benchmarks.accuracy.training_configs import read_config, with_share, with_steps

from ..conftest import CONFIGS

WORDS = ["Anna", "eats", "red", "ham", "in", "London", "1998", "."]


def arguments(data, corpus="ewt", *more):
    files = [part for name in ("train", "dev", "test") for part in (f"--{name}", str(data.part(name)))]
    return [corpus, *files, "--work", str(data.train.parent / "work"), *map(str, more)]


class Counting(System):
    """Predicts the most frequent tag, and counts how often it is trained."""

    def __init__(self, data, recipe="recipe", deterministic=False, fail=False):
        super().__init__("counting", "Counting", data)
        self.text, self.fail, self.seeds = recipe, fail, []
        self.deterministic = deterministic

    def recipe(self):
        return self.text

    def train(self, seed, folder):
        assert not list(folder.iterdir())
        self.seeds.append(seed)
        (folder / "model").write_text("NNP")
        if self.fail:
            raise TrainingError("no luck\ndetails")

    def load(self, folder):
        tag = (folder / "model").read_text()
        return lambda sentences: [Sentence(s.words, {"tag": [tag] * len(s.words)}) for s in sentences]


def test_features_of_a_token():
    assert [shape(word) for word in ("Anna", "x-Ray9", "1998", "")] == ["Xx", "x-Xxd", "d", ""]
    here = features(["Anna", "eats"])[1]
    assert here[:4] == ["bias", "word=eats", "lower=eats", "shape=x"]
    assert {"prefix2=ea", "suffix3=ats", "-2outside", "-1lower=anna", "-1shape=Xx", "+1outside", "+2outside"} < set(
        here
    )
    assert "+0lower=eats" not in here and "-1suffix1=a" not in here


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from("XY"))))
def test_entities_survive_their_tags(parts):
    ents, end = set(), 0
    for gap, size, label in parts:
        ents.add((end + gap, end + gap + size, label))
        end += gap + size
    assert to_entities(to_tags(end, ents)) == ents


def test_ill_formed_tags_begin_entities():
    tags = "I-X I-X I-Y O I-X B-X I-Y".split()
    assert to_entities(tags) == {(0, 2, "X"), (2, 3, "Y"), (4, 5, "X"), (5, 6, "X"), (6, 7, "Y")}


def random_doc(nlp, words, rng):
    tags, pos, morphs = (rng.choices(names, k=len(words)) for names in (["A", "B"], ["NOUN", "VERB"], ["", "Case=Nom"]))
    cut = rng.randrange(1, len(words))
    ents = {(0, cut, rng.choice("XY")), (cut, len(words), rng.choice("XY"))}
    return Doc(nlp.vocab, words=words, tags=tags, pos=pos, morphs=morphs, ents=to_tags(len(words), ents))


def test_scores_are_those_of_spacy(nlp):
    rng = random.Random(0)
    lists = [rng.choices(WORDS, k=rng.randrange(2, 6)) for _ in range(30)]
    gold, predicted = ([random_doc(nlp, words, rng) for words in lists] for _ in "12")
    examples = [Example(p, g) for p, g in zip(predicted, gold)]
    scorer = Scorer()
    expected = {f"{name}_acc": scorer.score_token_attr(examples, name)[f"{name}_acc"] for name in ("tag", "pos")}
    expected.update(scorer.score_token_attr(examples, "morph", getter=lambda token, _: str(token.morph) or "_"))
    expected.update(scorer.score_spans(examples, "ents"))
    found = score(*([from_doc(doc) for doc in docs] for docs in (gold, predicted)), ("tag", "pos", "morph", "ents"))
    assert found == pytest.approx({name: expected[name] for name in found}) and len(found) == 6
    with pytest.raises(ValueError, match="other tokens"):
        score([Sentence(["a"])], [Sentence(["b"])], ("ents",))


def test_what_a_system_does_not_predict_is_not_scored():
    gold = [Sentence(["a"], {"tag": ["X"], "pos": ["Y"]})]
    assert score(gold, [Sentence(["a"], {"pos": ["Y"]})], ("tag", "pos")) == {"pos_acc": 1.0}


def test_shares_are_nested(nlp, tmp_path):
    docs = [Doc(nlp.vocab, words=["word", str(i)]) for i in range(40)]
    DocBin(docs=docs).to_disk(tmp_path / "all.spacy")

    def numbers(**settings):
        path = write_part(tmp_path / "all.spacy", tmp_path / "some.spacy", **settings)
        return [s.words[1] for s in read_sentences(path)]

    assert numbers(limit=3) == ["0", "1", "2"]
    tenth, half, whole = (numbers(share=share) for share in (0.1, 0.5, 1.0))
    assert len(tenth) == 4 and len(half) == 20 and len(whole) == 40
    assert set(tenth) < set(half) and whole == [str(i) for i in range(40)]
    assert numbers(share=0.1) == tenth != numbers(share=0.1, seed=1)


def test_a_multi_sentence_doc_is_split_and_kept(nlp, tmp_path):
    doc = Doc(nlp.vocab, words=["A", "b", "C"], sent_starts=[True, False, True], ents=["B-X", "I-X", "O"])
    DocBin(docs=[doc]).to_disk(tmp_path / "doc.spacy")
    again = write_part(tmp_path / "doc.spacy", tmp_path / "part.spacy", limit=5)
    assert read_sentences(again) == read_sentences(tmp_path / "doc.spacy")
    assert [s.words for s in read_sentences(again)] == [["A", "b"], ["C"]]


def test_steps_follow_the_square_root_of_the_share():
    config = read_config(CONFIGS / "ewt.cfg")
    schedule = config["training"]["optimizer"]["learn_rate"]
    quarter = with_share(config, 0.25)["training"]
    assert quarter["max_steps"] == config["training"]["max_steps"] / 2
    assert quarter["optimizer"]["learn_rate"]["total_steps"] == schedule["total_steps"] / 2
    assert quarter["optimizer"]["learn_rate"]["warmup_steps"] == schedule["warmup_steps"] / 2
    assert with_share(config, 1.0) == config and with_steps(config, 5)["training"]["eval_frequency"] == 5


def test_a_run_is_trained_once(data, tmp_path):
    system = Counting(data)
    first = Run(system, 3, "dev", tmp_path).complete(wait=True)
    assert first == Run(system, 3, "dev", tmp_path).complete(wait=True) and system.seeds == [3]
    tags = [tag for s in read_sentences(data.dev) for tag in s.columns["tag"]]
    assert first["scores"] == {"tag_acc": pytest.approx(tags.count("NNP") / len(tags))}
    assert first["bytes"] == 3 and first["seed"] == 3 and first["cpu_seconds"] >= 0
    # Another part is scored with the same model; another recipe or other data are another run.
    assert Run(system, 3, "test", tmp_path).complete(wait=True)["part"] == "test" and system.seeds == [3]
    other = Counting(data, recipe="other")
    assert Run(other, 3, "dev", tmp_path).finished() is None
    write_part(data.dev, data.dev, limit=2)
    assert Run(system, 3, "dev", tmp_path).finished() is None


def test_metrics_stay_when_models_are_gone(data, tmp_path):
    system = Counting(data)
    first = Run(system, 0, "dev", tmp_path / "work", tmp_path / "results").complete(wait=True)
    again = Run(system, 0, "dev", tmp_path / "elsewhere", tmp_path / "results")
    assert again.complete(wait=True) == first and system.seeds == [0] and again.record.is_file()
    assert not list((tmp_path / "work").rglob("dev.json"))


def test_changed_test_sentences_are_scored_again(data, tmp_path):
    system = Counting(data)
    before = Run(system, 0, "test", tmp_path).complete(wait=True)
    write_part(data.test, data.test, limit=1)
    assert Run(system, 0, "test", tmp_path).finished() is None
    assert Run(system, 0, "test", tmp_path).complete(wait=True)["scores"] != before["scores"] and system.seeds == [0]


def test_an_interrupted_run_starts_again(data, tmp_path, capsys):
    system = Counting(data, fail=True)
    done, failed = complete_all([Run(system, 0, "dev", tmp_path)], report_only=False)
    assert not done and list(failed.values()) == ["no luck\ndetails"] and "no luck" in capsys.readouterr().err
    system.fail = False
    done, failed = complete_all([Run(system, 0, "dev", tmp_path)], report_only=False)
    assert len(done) == 1 and not failed and system.seeds == [0, 0]


def test_processes_share_the_work(data, tmp_path):
    system = Counting(data)
    busy = Run(system, 0, "dev", tmp_path)
    busy.folder.mkdir(parents=True)
    with FileLock(busy.folder / "lock"):
        assert Run(system, 0, "dev", tmp_path).complete(wait=False) is None
        assert complete_all([busy], report_only=True) == ({}, {})
    results = []
    threads = [
        threading.Thread(
            target=lambda: results.append(complete_all(make_runs([system], [0, 1, 2], "dev", tmp_path), False)[0])
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(system.seeds) == [0, 1, 2] and [len(done) for done in results] == [3] * 4


def test_deterministic_systems_run_once(data, tmp_path):
    runs = make_runs([Counting(data), Counting(data, deterministic=True)], [4, 5], "dev", tmp_path)
    assert [run.seed for run in runs] == [4, 0, 5]


def test_a_missing_package_is_one_line(data, tmp_path):
    system = Counting(data)
    system.requires = ("spacy", "no-such-package")
    assert system.missing() == "not installed: `pip install no-such-package`"
    assert make_runs([system], [0], "dev", tmp_path) == []


def metrics(seed, f, **more):
    scores = {"ents_p": 0.5, "ents_r": 0.25, "ents_f": f}
    return {"seed": seed, "scores": scores, "cpu_seconds": 90.0, "bytes": 2_000_000, **more}


def test_the_table_of_given_metrics(data):
    rows = [
        table.make_row(Counting(data), [metrics(0, 0.3), metrics(1, 0.4)]),
        table.make_row(Counting(data, deterministic=True), [metrics(0, 0.2)]),
        table.make_row(Counting(data), [], "not to be had"),
        table.make_row(Counting(data), []),
    ]
    lines = table.markdown("Tiny", rows).splitlines()
    assert lines[2].startswith("| system | entities: precision | recall | F1 | training, CPU min |")
    assert lines[4] == "| Counting | 50.00 ± 0.00 | 25.00 ± 0.00 | 35.00 ± 7.07 | 1.5 | 2.0 | 2 |  |"
    assert lines[5] == "| Counting | 50.00 | 25.00 | 20.00 | 1.5 | 2.0 | 1 (deterministic) |  |"
    assert lines[6] == "| Counting | – | – | – | – | – | 0 | not to be had |"
    assert lines[7].endswith("| no finished run |")


@pytest.mark.parametrize(
    "name,corpus,package,expected",
    [
        ("nltk", "ewt", "nltk", {"tag_acc", "pos_acc", "morph_acc"}),
        ("crfsuite", "ewt", "sklearn_crfsuite", {"tag_acc", "pos_acc"}),
        ("crfsuite", "wnut17", "sklearn_crfsuite", {"ents_p", "ents_r", "ents_f"}),
        ("udpipe", "ewt", "ufal.udpipe", {"tag_acc", "pos_acc", "morph_acc"}),
    ],
)
def test_peers_learn_a_few_sentences(name, corpus, package, expected, data, capfd):
    pytest.importorskip(package)
    output = data.train.parent / "out.json"
    assert command.main(arguments(data, corpus, "--systems", name, "--json", output)) == 0
    (row,) = json.loads(output.read_text())["rows"]
    assert set(row["scores"]) == expected and all(score["mean"] > 0.9 for score in row["scores"].values())
    assert row["runs"][0]["bytes"] > 0 and row["title"] in capfd.readouterr().out


def test_pipelines_are_trained_by_spacy_and_scored_like_it(data, capsys, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- accuracy-ewt: start --><!-- accuracy-ewt: end -->")
    config = CONFIGS / "ewt.cfg"
    args = arguments(data, "ewt", "--config", config, "--steps", 2, "--systems", "ours", "spacy", "flair")
    args += ["--json", str(tmp_path / "out.json")]
    assert command.main(args) == 0
    first = capsys.readouterr().out
    assert command.main([*args, "--report-only", "--page", str(page)]) == 0
    assert capsys.readouterr().out == first and first.strip() in page.read_text()
    assert "downloaded from its own server" in first
    for name in ("ours", "spacy"):
        (model,) = (tmp_path / "work" / "ewt").glob(f"{name}-*/seed-0/trained/model/model-best")
        nlp = spacy.load(model)
        scores = nlp.evaluate(list(Corpus(data.dev, gold_preproc=True)(nlp)))
        row = next(row for row in json.loads((tmp_path / "out.json").read_text())["rows"] if row["system"] == name)
        for key, values in row["scores"].items():
            assert values["mean"] == pytest.approx(scores[key])
        assert {"spacy", "thinc", "torch"} < set(row["runs"][0]["versions"])


def test_a_failed_training_is_a_row(data, capsys, tmp_path):
    broken = tmp_path / "broken.cfg"
    broken.write_text((CONFIGS / "ewt.cfg").read_text().replace('cell = "lstm"', 'cell = "lstn"'))
    assert command.main(arguments(data, "ewt", "--config", broken, "--systems", "ours", "flair")) == 0
    printed = capsys.readouterr()
    assert "failed: `spacy train` ended with code 1" in printed.out and "lstn" in printed.err


@pytest.mark.parametrize(
    "more,message",
    [
        (["--systems", "our"], "'our' is unknown for ewt; allowed: ours, recipe, spacy"),
        (["--systems", "ours+vectors"], "ours+vectors needs --vectors"),
        (["--systems", "nltk", "--vectors", "x"], "none of nltk uses --vectors"),
        (["--systems", "flair", "--dev", "none.spacy"], "there is no none.spacy; run `spacy project run ewt-corpus`"),
    ],
)
def test_bad_arguments(more, message, data, capsys):
    with pytest.raises(SystemExit):
        command.main(arguments(data, "ewt", *more))
    assert message in capsys.readouterr().err


def test_default_systems():
    assert "udpipe" not in system_names("wnut17") and "udpipe" in system_names("ewt")
    assert "ours+vectors" in system_names("ewt") and "ours+vectors" not in system_names("ewt", vectors=False)


def test_learning_curve(data, capsys, tmp_path):
    pytest.importorskip("nltk")
    pytest.importorskip("matplotlib")
    image = tmp_path / "curve.svg"
    args = arguments(data, "ewt", "--systems", "nltk", "--shares", 0.25, 1.0, "--seeds", 0, 1, "--figure", image)
    assert curve.main(args) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "| system | score | 3 sentences | 12 sentences |" and len(lines) == 7
    assert all(line.count("±") == 2 for line in lines[4:])
    before = image.read_bytes()
    assert curve.main([*args, "--report-only"]) == 0 and image.read_bytes() == before
    capsys.readouterr()
    args = arguments(data, "ewt", "--systems", "nltk", "--sentences", 2, 7)
    assert curve.main(args) == 0 and "| 2 sentences | 7 sentences |" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        curve.main([*args, "--sentences", "12"])
    assert "must lie above 0 and below 12" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        curve.main([*args, "--shares", "1.5"])
