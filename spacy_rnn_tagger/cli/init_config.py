"""`python -m spacy rnn init-config`: a training config for a corpus."""

from pathlib import Path
from typing import Annotated, Dict, Iterable, List, Optional

from spacy.cli._util import Arg, Opt
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from wasabi import msg

from ..pipeline.blank_pipeline import blank_pipeline
from ..pipeline.safe_output import Output, OutputKind
from ..pipeline.targets.extension import PREFIX as EXTENSION
from ..training.config_for_corpus import TrainingConfig, config_for_corpus
from ..training.corpus import create_corpus
from ..training.dev_split import split_corpus
from ..training.recipe import ACCURACY
from .app import rnn_cli
from .check import LangOpt, VectorsOpt
from .places import Places, running
from .shared import ForceOpt, JsonOpt, tell_next


@rnn_cli.command("init-config")
def init_config_cli(
    corpus: Annotated[Path, Arg(help="Training data: a .spacy file, or a directory of them", exists=True)],
    output: Annotated[Path, Opt("--output", "-o", help="Config file to write")],
    dev: Annotated[Optional[Path], Opt("--dev", "-d", help="Development data in .spacy format", exists=True)] = None,
    split_dev: Annotated[
        Optional[float],
        Opt("--split-dev", help="Share of the training docs to develop on, such as 0.1, if there is no --dev"),
    ] = None,
    lang: LangOpt = "en",
    vectors: VectorsOpt = None,
    names: Annotated[
        Optional[Path],
        Opt(
            "--names",
            "-n",
            help="Lists of names to read as features: a text file with a name a line and the label as its name "
            "(CITY.txt), .json or .jsonl patterns of an entity ruler, or a folder of such files",
        ),
    ] = None,
    optimize: Annotated[
        str, Opt("--optimize", "-O", help="accuracy, or efficiency: smaller, faster, trained half as long")
    ] = ACCURACY,
    components: Annotated[
        Optional[str],
        Opt("--components", "-p", help="Comma-separated targets to predict, such as tag,ents; else all annotated"),
    ] = None,
    json_path: JsonOpt = None,
    force: ForceOpt = False,
) -> None:
    """
    Look at a corpus and write a config that trains on it without any change: a component for each annotated layer, and
    steps, patience and batches by the size of the data. The config names the files of the corpus as they are given
    here, and says the reason for each choice in a comment. With --split-dev, the docs are written to two new files
    beside the config first, which it names.

    Example: python -m spacy rnn init-config corpus/train.spacy --dev corpus/dev.spacy --lang en --output config.cfg
    """
    with running("rnn init-config", None, force=force, inputs=[corpus, dev, names]) as places:
        _check_dev(corpus, dev, split_dev)
        config_file = places.add_file(output, CONFIG, "--output")
        splits = {} if dev is not None else _add_splits(places, output)
        places.add_json(json_path)
        nlp = blank_pipeline(lang, vectors)
        parts, bins = _read_parts(nlp, corpus, dev, split_dev, list(splits))
        targets = None if components is None else [name.strip() for name in components.split(",") if name.strip()]
        lists = None if names is None else str(names)
        done = config_for_corpus(nlp, parts, vectors=vectors, names=lists, optimize=optimize, targets=targets)
        for path, split in splits.items():
            split.write(bins[path].to_disk)
        config_file.write(lambda path: path.write_text(done.text, encoding="utf8"))
        _tell(done, output, splits)
        places.write_json(done)
        has_extension = any(layer.target.startswith(EXTENSION) for layer in done.layers)
        code = " --code FILE_THAT_REGISTERS_THE_ATTRIBUTES.py" if has_extension else ""
        tell_next(f"python -m spacy train {output} --output model{code}")


def _check_dev(corpus: Path, dev: Optional[Path], split_dev: Optional[float]) -> None:
    if dev is None and split_dev is None:
        raise ValueError(
            "There are no development data, without which no best model can be chosen: name them by --dev, or pass "
            "--split-dev 0.1, which writes a tenth of the training docs and the rest to new files beside the config."
        )
    if dev is not None and split_dev is not None:
        raise ValueError("--dev and --split-dev are both given; pass one of them, since both name development data.")
    if dev is not None and dev.resolve() == corpus.resolve():
        raise ValueError(f"--dev {str(dev)!r} is the training data, on which no score tells anything; name other data.")


def _add_splits(places: Places, output: Path) -> Dict[str, Output]:
    paths = [output.with_name(f"{output.stem}-{part}.spacy") for part in ("train", "dev")]
    return {str(path): places.add_file(path, DOCS, "--split-dev") for path in paths}


def _read_parts(
    nlp: Language, corpus: Path, dev: Optional[Path], split_dev: Optional[float], names: List[str]
) -> "tuple[Dict[str, Iterable[Doc]], Dict[str, DocBin]]":
    """The docs by the paths that they have or will have, and what is to be written there."""
    reader = create_corpus(corpus)
    if dev is not None:
        return {str(corpus): reader.docs(nlp.vocab), str(dev): create_corpus(dev).docs(nlp.vocab)}, {}
    assert split_dev is not None
    bins = dict(zip(names, split_corpus(lambda: reader.docs(nlp.vocab), split_dev)))
    return {name: each.get_docs(nlp.vocab) for name, each in bins.items()}, bins


def _tell(done: TrainingConfig, output: Path, splits: Iterable[str]) -> None:
    for layer in done.layers:
        msg.info(f"{layer.component}: {layer.reason}")
    for target, reason in done.left_out.items():
        msg.warn(f"{target} is left out: {reason}.")
    for path, part in zip(splits, (done.train, done.dev)):
        msg.good(f"Wrote {part.n_docs:,} of the docs", path)
    recipe, train = done.recipe, done.train
    msg.info(
        f"{recipe.max_steps:,} steps at most of {recipe.batch_words:,} tokens each, evaluated every "
        f"{recipe.eval_frequency:,}, for {train.n_sentences:,} sentences of {train.n_tokens:,} tokens."
    )
    msg.good("Wrote the config", str(output))


def _config_objection(path: Path) -> Optional[str]:
    lines = path.read_bytes().splitlines()
    return None if b"[nlp]" in lines and b"[components]" in lines else "is no config of a pipeline"


def _docs_objection(path: Path) -> Optional[str]:
    """A DocBin is compressed by zlib, whose first byte is this."""
    return None if path.read_bytes()[:1] == b"\x78" else "is no .spacy file"


CONFIG = OutputKind("config", False, _config_objection)
DOCS = OutputKind(".spacy file", False, _docs_objection)
