"""The way of a newcomer from a file of their own to an installed pipeline: each command names the next one."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from spacy.cli.train import train
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_rnn_tagger.cli import rnn_cli
from spacy_rnn_tagger.data.formats import FORMATS as READ_FORMATS

from ..conftest import ROOT
from ..fixtures.own_files import FORMATS, Text, conll, make_texts

FAST = {"training.max_steps": 30, "training.eval_frequency": 30}
USE = """
import sys
import spacy
import spacy_rnn_tagger

nlp = spacy.load(sys.argv[1])
doc = nlp("Anna Berg lives in Oslo .")
print(spacy_rnn_tagger.__file__, nlp.path, [(ent.text, ent.label_) for ent in doc.ents])
"""


def next_command(printed):
    """The arguments of the command that an output names as the next one."""
    line = printed.partition("Next:")[2].strip().splitlines()[0].strip()
    assert line.startswith(("python -m spacy ", "pip install ")), printed
    return shlex.split(line.removeprefix("python -m spacy "))


def in_process(arguments):
    done = CliRunner().invoke(rnn_cli, arguments[1:])
    assert done.exit_code == 0, done.output
    return done.stdout


def in_a_process_of_its_own(arguments):
    fast = [part for key, value in FAST.items() for part in (f"--{key}", value)] if arguments[0] == "train" else []
    command = [sys.executable, "-m", "spacy", *map(str, [*arguments, *fast])]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def go(arguments, last):
    """Run a command, then the one that its output names, and so on. The commands, and the arguments of the first that
    is not run."""
    taken = []
    while not taken or taken[-1] != last:
        taken.append(arguments[arguments[0] == "rnn"])
        arguments = next_command(in_process(arguments) if arguments[0] == "rnn" else in_a_process_of_its_own(arguments))
    return taken, arguments


def test_no_format_is_forgotten(tmp_path):
    """The convert command recognises the files that are written by hand, and they are of all formats that it reads."""
    names = set()
    for name, write in FORMATS.items():
        write(tmp_path / name, make_texts(3))
        printed = in_process(["rnn", "convert", str(tmp_path / name), str(tmp_path / f"{name}.out"), "--lang", "en"])
        names |= {each for each in READ_FORMATS if f" {each}" in printed.splitlines()[0]}
    assert names == set(READ_FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_each_command_leads_to_the_next_until_a_config_is_written(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    texts = make_texts()
    FORMATS[name](Path(name), texts)
    taken, train_arguments = go(["rnn", *f"convert {name} corpus --split 0.1 0.1 --lang en".split()], "init-config")
    assert taken == ["convert", "check", "init-config"] and train_arguments[:2] == ["train", "config.cfg"]
    found = [
        doc
        for part in ("train", "dev", "test")
        for doc in DocBin().from_disk(f"corpus/{part}.spacy").get_docs(spacy.blank("en").vocab)
    ]
    entities = sorted(
        (doc.text.strip(), *sorted((e.start_char, e.end_char, e.label_) for e in doc.ents)) for doc in found
    )
    assert entities == sorted((" ".join(text.words), *sorted(text.offsets())) for text in texts)


def whole_way(name, folder):
    """All six commands. The folder of wheels and the pipeline's name, as the last one names them."""
    FORMATS[name](folder / name, make_texts())
    taken, pip = go(["rnn", *f"convert {name} corpus --split 0.1 0.1 --lang en".split()], "wheelhouse")
    assert taken == ["convert", "check", "init-config", "train", "evaluate", "wheelhouse"]
    assert pip[:3] == ["pip", "install", "--find-links"]
    return pip[3:]


@pytest.mark.timeout(600)
def test_six_commands_from_a_file_to_an_installed_pipeline(tmp_path, monkeypatch):
    """Without an index: what the wheels require is taken from the running environment, but neither of the two packages
    is, since pip installs both into a folder that comes first."""
    monkeypatch.chdir(tmp_path)
    wheels, name = whole_way("prodigy.jsonl", tmp_path)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--find-links", wheels]
    subprocess.run([*pip, "--target", "clean", name, "spacy-rnn-tagger"], check=True)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "clean")}
    command = [sys.executable, "-c", USE, name]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0 and done.stdout.count(str(tmp_path / "clean")) == 2, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", FORMATS)
def test_the_whole_way_in_a_clean_environment(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wheels, pipeline = whole_way(name, tmp_path)
    command = [
        sys.executable,
        str(ROOT / "scripts" / "install_check.py"),
        wheels,
        pipeline,
        "Anna Berg lives in Oslo .",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "PyTorch loaded: False" in done.stdout, done.stderr


SCRIPTS = {
    "en": ("{} lives in {} .", ["Anna", "Tom", "Eva", "Mary"], ["Oslo", "Lima", "Paris", "Rome"]),
    "ru": ("{} живёт в городе {} .", ["Анна", "Пётр", "Ольга", "Иван"], ["Москва", "Омск", "Тверь", "Казань"]),
    "ar": ("تعيش {} في مدينة {} .", ["آنا", "مريم", "سلمى", "ليلى"], ["القاهرة", "بغداد", "دمشق", "تونس"]),
    "hi": ("{} अब {} में रहती है ।", ["अन्ना", "सीता", "राधा", "मीरा"], ["दिल्ली", "मुंबई", "पटना", "आगरा"]),
    "zh": ("{} 住 在 {} 。", ["安娜", "玛丽", "王芳", "李娜"], ["北京", "上海", "广州", "南京"]),
    "th": ("{} อยู่ ที่ {} ครับ", ["แอนนา", "มาลี", "สมชาย", "วิชัย"], ["กรุงเทพ", "เชียงใหม่", "ภูเก็ต", "ระยอง"]),
}


@pytest.mark.parametrize("lang", SCRIPTS)
def test_six_scripts_from_a_file_to_a_prediction(lang, tmp_path, monkeypatch):
    """Words with one space between them, as annotation tools for languages without spaces write them."""
    if lang == "th":
        pytest.importorskip("pythainlp", reason="spaCy's tokenizer for Thai needs PyThaiNLP: pip install pythainlp")
    monkeypatch.chdir(tmp_path)
    pattern, names, places = SCRIPTS[lang]
    texts = []
    for name in names:
        for place in places:
            words = pattern.format(name, place).split()
            at = [(words.index(name), "PERSON"), (words.index(place), "GPE")]
            texts.append(Text(words, [(i, i + 1, label) for i, label in at]))
    conll(Path("own.conll"), texts)
    arguments = ["rnn", *f"convert own.conll corpus --split 0.2 0.2 --lang {lang}".split()]
    _, arguments = go(arguments, "init-config")
    train(arguments[1], "model", overrides={**FAST, "training.max_steps": 60})
    nlp = spacy.load("model/model-last")
    gold = next(DocBin().from_disk("corpus/train.spacy").get_docs(nlp.vocab))
    doc = nlp(gold.text)
    assert nlp.lang == lang and len(gold.ents) == 2
    assert [(e.text, e.label_) for e in doc.ents] == [(e.text, e.label_) for e in gold.ents]
