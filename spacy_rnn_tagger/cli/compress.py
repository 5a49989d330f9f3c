"""`python -m spacy rnn compress`: save a trained pipeline in fewer bytes."""

from pathlib import Path
from typing import Annotated, List, Optional, Union

from spacy.cli._util import Arg, Opt, import_code
from wasabi import msg

from ..evaluation.compression_cost import CompressionCost, compress_pipeline
from ..models.storage.stored_model import check_form
from .app import rnn_cli
from .places import running
from .shared import (
    CodeOpt,
    ForceOpt,
    GoldPreprocOpt,
    JsonOpt,
    ModelArg,
    load_pipeline,
    read_corpus,
    show_progress,
    tell_next,
)


@rnn_cli.command("compress")
def compress_cli(
    model: ModelArg,
    output: Annotated[Path, Arg(help="Directory to save the small pipeline to")],
    weights: Annotated[str, Opt("--weights", "-w", help="Form of the weights: int8, float16 or float32")] = "int8",
    data: Annotated[
        Optional[Path],
        Opt("--data", "-d", help="Development data in .spacy format to score before and after", exists=True),
    ] = None,
    keep_language_model: Annotated[
        bool, Opt("--keep-language-model", "-K", help="Keep rnn_language_model, which only training needs")
    ] = False,
    vectors: Annotated[
        Optional[str], Opt("--vectors", "-V", help="Form of static vectors too: int8, float16 or float32")
    ] = None,
    words: Annotated[
        Optional[str],
        Opt(
            "--words",
            "-n",
            help="Of which words to keep the vectors: a number of rows, the most frequent in most tables, or a file "
            "with a word a line. Implies --vectors int8",
        ),
    ] = None,
    force: ForceOpt = False,
    json_path: JsonOpt = None,
    gold_preproc: GoldPreprocOpt = False,
    code_path: CodeOpt = None,
) -> None:
    """
    Save a trained pipeline with its weights as float16, or as int8 rows with a scale each, and without the components
    that only training needs; with --vectors, its static vectors likewise. It is loaded and installed like any other; in
    memory its weights are float32 again. Prints the size on disk before and after, and the scores if there are data.

    Example: python -m spacy rnn compress training/model-best training/small --data corpus/dev.spacy

    Example: python -m spacy rnn compress training/model-best training/small --vectors int8 --words 100000
    """
    import_code(code_path)
    with running("rnn compress", model, force=force, inputs=[data, code_path, *_word_file(words)]) as places:
        check_form("rnn compress", "--weights", weights)
        if vectors is not None:
            check_form("rnn compress", "--vectors", vectors)
        chosen = None if words is None else _read_words(words)
        saved = places.add_pipeline(output, "OUTPUT")
        assert saved is not None
        places.add_json(json_path)
        corpus = None if data is None else read_corpus(data, gold_preproc)
        nlp = load_pipeline(model)
        done = compress_pipeline(
            nlp,
            saved,
            weights,
            corpus=corpus,
            keep_language_model=keep_language_model,
            vectors=vectors or (None if words is None else "int8"),
            words=chosen,
            progress=show_progress,
        )
        print(format_report(done))
        _tell(done)
        places.write_json(done)
        msg.good("Saved pipeline to output directory", str(output))
        tell_next(
            f"python -m spacy evaluate {output} TEST.spacy",
            f"python -m spacy rnn wheelhouse {output} wheels",
        )


def format_report(done: CompressionCost) -> str:
    """RETURNS (str): Sizes in millions of bytes and scores in percent, before and after, and their change, as a table.
    done (CompressionCost): The sizes and scores."""
    old_size, new_size = done.bytes_before, done.bytes_after
    lines = [
        f"{'':<24} {'before':>8} {'after':>8} {'change':>9}",
        f"{'size, MB':<24} {old_size / 1e6:>8.2f} {new_size / 1e6:>8.2f} {100 * (new_size / old_size - 1):>+7.1f} %",
    ]
    for key, old in done.scores_before.items():
        new = done.scores_after[key]
        change = round(100 * (new - old), 2) + 0.0  # never "-0.00"
        lines.append(f"{key + ', %':<24} {100 * old:>8.2f} {100 * new:>8.2f} {change:>+9.2f}")
    return "\n".join(lines)


def _word_file(words: Optional[str]) -> List[Path]:
    return [] if words is None or words.isdecimal() else [Path(words)]


def _read_words(words: str) -> Union[int, List[str]]:
    """RETURNS (Union[int, List[str]]): A number of rows, or the words of a file. RAISES (ValueError): If it is
    neither."""
    if words.isdecimal() and int(words):
        return int(words)
    path = Path(words)
    if not path.is_file():
        raise ValueError(
            f"--words {words} is neither a number of at least 1 nor a file; give a number of rows to keep, or a text "
            "file with a word a line."
        )
    try:
        found = path.read_text(encoding="utf8").split("\n")
    except UnicodeDecodeError as e:
        raise ValueError(f"--words {words} is not a text file in UTF-8 ({e}).") from e
    return [word for word in map(str.strip, found) if word]


def _tell(done: CompressionCost) -> None:
    parts = done.compression
    msg.info(f"Weights as {done.form}: {', '.join(parts.stored)}")
    if parts.vectors is not None:
        msg.info(f"Static vectors as {parts.vectors}, for {parts.n_words:,} words")
    if parts.others:
        msg.info(f"As before, since their models are not of spacy-rnn-tagger: {', '.join(parts.others)}")
    if parts.dropped:
        msg.info(f"Left out, since only training needs them: {', '.join(parts.dropped)}")
