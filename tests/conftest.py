import os

# Tests run side by side, one to a core; more threads would only get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

ROOT = Path(__file__).parent.parent
# Running pytest as a module puts the checkout first. The tests are of the installed package; only the helpers of tests
# and the benchmarks are imported from the checkout.
sys.path[:] = [*(path for path in sys.path if Path(path).resolve() != ROOT), str(ROOT)]

import numpy
import pytest
import spacy
from hypothesis import settings
from spacy.language import Language
from spacy.tokens import Doc, Token
from spacy.training import Example
from thinc.api import fix_random_seed

# Each run tries the same examples, so that a change passes or fails whoever runs it. To look for others:
# HYPOTHESIS_PROFILE=random.
settings.register_profile("same", derandomize=True)
settings.register_profile("random", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

CONFIGS = ROOT / "configs"
OWN_CONFIGS = sorted(path for path in CONFIGS.glob("*.cfg") if not path.name.startswith("teacher_"))
"""Those of this package alone; teachers are transformers, of a package that tests do not need."""
SENTENCES = [
    ("I like London.", "PRP VBP NNP .", "PRON VERB PROPN PUNCT", "O O U-GPE O"),
    (
        "Anna Berg works in New York.",
        "NNP NNP VBZ IN NNP NNP .",
        "PROPN PROPN VERB ADP PROPN PROPN PUNCT",
        "B-PERSON L-PERSON O O B-GPE L-GPE O",
    ),
    ("They eat ham.", "PRP VBP NN .", "PRON VERB NOUN PUNCT", "O O O O"),
    ("Ham is red.", "NN VBZ JJ .", "NOUN AUX ADJ PUNCT", "O O O O"),
]
MORPHS = {"PRON": "Case=Nom", "PROPN": "Number=Sing", "NOUN": "Number=Sing", "VERB": "VerbForm=Fin"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--slow", action="store_true", help="also run tests that train on real corpora or build environments"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    if not config.getoption("--slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="needs --slow"))


@pytest.fixture(autouse=True)
def _seed() -> None:
    fix_random_seed(0)


@pytest.fixture
def nlp() -> Language:
    return spacy.blank("en")


def make_examples(nlp: Language) -> List[Example]:
    """Four sentences with every target annotated; "spans:layer" like the entities, "_.kind" like the parts of
    speech."""
    Token.set_extension("kind", default=None, force=True)
    examples = []
    for text, tags, pos, ents in SENTENCES:
        gold = {
            "tags": tags.split(),
            "pos": pos.split(),
            "morphs": [MORPHS.get(p, "") for p in pos.split()],
            "entities": ents.split(),
            "sent_starts": [i == 0 for i in range(len(pos.split()))],
        }
        example = Example.from_dict(nlp.make_doc(text), gold)
        example.reference.spans["layer"] = list(example.reference.ents)
        for token in example.reference:
            token._.kind = token.pos_.lower()
        examples.append(example)
    return examples


def small_model(**encode: object) -> dict:
    """Config of a small token scorer."""
    return {
        "@architectures": "spacy-rnn-tagger.RNNTagger.v1",
        "tok2vec": {
            "@architectures": "spacy-rnn-tagger.RNNTok2Vec.v1",
            "embed": {
                "@architectures": "spacy-rnn-tagger.LexemeEmbed.v1",
                "width": 16,
                "attrs": ["NORM", "SHAPE"],
                "rows": 100,
                "include_static_vectors": False,
                "word_dropout": 0.0,
            },
            "encode": {"@architectures": "spacy-rnn-tagger.RNNEncoder.v1", "width": 16, **encode},
        },
    }


def train(nlp: Language, examples: List[Example], steps: int = 40) -> dict:
    """Train until the toy data are learned."""
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    losses: dict = {}
    for _ in range(steps):
        losses = nlp.update(examples, sgd=optimizer)
    return losses


def randomize(model, seed: int = 0, scale: float = 0.3) -> None:
    """Give every weight a random value, so that nothing can pass by being zero."""
    rng = numpy.random.default_rng(seed)
    for node in model.walk():
        for name in node.param_names:
            if node.has_param(name):
                shape = node.get_param(name).shape
                node.set_param(name, node.ops.asarray(rng.normal(0, scale, shape).astype("float32")))


@pytest.fixture
def make_docs(nlp: Language) -> Callable[[List[int]], List[Doc]]:
    """Docs of given lengths over a small vocabulary."""

    def make(lengths: List[int]) -> List[Doc]:
        rng = numpy.random.default_rng(1)
        words = ["Red", "Fort", "is", "in", "Delhi", ".", "a", "1998", "!", "über"]
        return [Doc(nlp.vocab, words=[words[i] for i in rng.integers(0, len(words), n)]) for n in lengths]

    return make


def run_cli(*args: object, **env: str) -> subprocess.CompletedProcess:
    """Run a Python module or script in a process of its own, and return its output whatever its exit code."""
    command = [sys.executable, *map(str, args)]
    # spaCy finds the installed package, not the checkout in the working directory.
    safe = {"PYTHONSAFEPATH": "1"} if args[:2] == ("-m", "spacy") else {}
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **safe, **env}, cwd=ROOT)


def train_cli(config: Path, output: Path, overrides: Dict[str, Any], check: bool = True, **env: str) -> str:
    """`spacy train`, for real. Returns what it printed."""
    settings = [part for key, value in overrides.items() for part in (f"--{key}", value)]
    done = run_cli("-m", "spacy", "train", config, "--output", output, *settings, **env)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def copy_project(folder: Path) -> None:
    """Copy the tracked files of the checkout, to run or build them without leaving anything behind."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs the git checkout, to copy just what is tracked")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


@pytest.fixture
def run_script(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., Tuple[int, str, str]]:
    """Run a script of scripts/ as the command line would, without the seconds that a new process takes to import
    spaCy."""

    def run(name: str, *args: object) -> Tuple[int, str, str]:
        path = ROOT / "scripts" / name
        monkeypatch.setattr(sys, "argv", [str(path), *map(str, args)])
        code: Any = 0
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as e:
            code = e.code
        printed = capsys.readouterr()
        if isinstance(code, str):
            return 1, printed.out, printed.err + code
        return code or 0, printed.out, printed.err

    return run
