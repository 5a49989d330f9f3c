"""`python -m spacy rnn check`: what a corpus holds, and what is wrong with it, before training."""

from pathlib import Path
from typing import Annotated, Dict, List, Optional

import typer
from spacy.cli._util import Arg, Opt

from ..evaluation.corpus_check import CorpusCheck, check_corpus
from ..evaluation.corpus_counts import PartCounts
from ..evaluation.corpus_findings import Finding
from ..pipeline.blank_pipeline import blank_pipeline
from ..training.corpus import create_corpus
from .app import rnn_cli
from .places import running
from .shared import ForceOpt, JsonOpt, heading, percent, tell_next

LangOpt = Annotated[str, Opt("--lang", "-l", help="Language whose tokenizer the pipeline will have, such as en or xx")]
VectorsOpt = Annotated[
    Optional[str], Opt("--vectors", "-V", help="Pipeline with static vectors: installed, or a directory")
]
N_LABELS = 15


@rnn_cli.command("check")
def check_cli(
    corpora: Annotated[
        List[Path], Arg(help=".spacy files or directories: the training data, then others", exists=True)
    ],
    lang: LangOpt = "en",
    vectors: VectorsOpt = None,
    target: Annotated[
        Optional[List[str]], Opt("--target", "-t", help="Look at this target only, such as ents; may be repeated")
    ] = None,
    strict: Annotated[bool, Opt("--strict", "-S", help="End with exit code 1 for warnings too")] = False,
    json_path: JsonOpt = None,
    force: ForceOpt = False,
) -> None:
    """
    Look at a corpus before training on it: labels, missing, misaligned, overlapping and contradictory annotation, spans
    with whitespace at their ends, labels that only the development data have, empty and long docs, copies within a part
    and across parts, and coverage by static vectors. The exit code is 1 if something would stop or spoil training.

    Example: python -m spacy rnn check corpus/train.spacy corpus/dev.spacy --lang en --strict
    """
    with running("rnn check", None, force=force, inputs=corpora) as places:
        places.add_json(json_path)
        readers = {str(path): create_corpus(path) for path in corpora}
        if len(readers) < len(corpora):
            raise ValueError("CORPORA names the same file or directory twice; name each part once.")
        nlp = blank_pipeline(lang, vectors)
        parts = {name: reader.docs(nlp.vocab) for name, reader in readers.items()}
        done = check_corpus(nlp, parts, targets=target or None)
        print(format_check(done))
        places.write_json(done)
        tell_next(next_step(done))
        if done.errors or (strict and done.warnings):
            raise typer.Exit(1)


def format_check(done: CorpusCheck) -> str:
    """RETURNS (str): Tables of the parts and of each target, then the findings. done (CorpusCheck): The check."""
    names = dict.fromkeys(name for part in done.parts for name in part.targets)
    blocks = [f"{heading('docs')}\n{_format_parts(done.parts, done.has_vectors)}"]
    blocks += [f"{heading(name)}\n{_format_target(name, done.parts)}" for name in names]
    blocks += [f"{heading('findings')}\n" + ("\n".join(map(format_finding, done.findings)) or "none")]
    return "\n\n".join(blocks)


def format_finding(finding: Finding) -> str:
    """RETURNS (str): A finding in lines: what, where, what to do, examples. finding (Finding): The finding."""
    where = f"{finding.part}, {finding.target}" if finding.target else finding.part
    lines = [f"{finding.severity}: {where}: {finding.message}", f"  {finding.advice}"]
    return "\n".join([*lines, *(f"    {example}" for example in finding.examples)])


def next_step(done: CorpusCheck) -> str:
    """RETURNS (str): The next command. done (CorpusCheck): The check."""
    names = [part.name for part in done.parts]
    if done.errors:
        return f"Correct the errors, then: python -m spacy rnn check {' '.join(names)} --lang {done.lang}"
    dev = f"--dev {names[1]}" if len(names) > 1 else "--split-dev 0.1"
    return f"python -m spacy rnn init-config {names[0]} {dev} --lang {done.lang} --output config.cfg"


def _format_parts(parts: List[PartCounts], has_vectors: bool) -> str:
    rows = {
        "docs": [f"{part.n_docs:,}" for part in parts],
        "sentences": [f"{part.n_sentences:,}" for part in parts],
        "tokens": [f"{part.n_tokens:,}" for part in parts],
        "different tokens": [f"{part.n_words:,}" for part in parts],
        "tokens of the longest doc": [f"{part.longest:,}" for part in parts],
    }
    for length in parts[0].lengths:
        if any(part.lengths[length] for part in parts):
            rows[f"docs of {length} tokens"] = [f"{part.lengths[length]:,}" for part in parts]
    if has_vectors:
        rows["tokens with a vector, %"] = [percent(part.with_vector / max(1, part.n_tokens)) for part in parts]
    return _table(_short([part.name for part in parts]), rows)


def _format_target(target: str, parts: List[PartCounts]) -> str:
    counts = [part.targets.get(target) for part in parts]
    rows = {
        "annotated docs": ["-" if c is None else f"{c.n_docs:,}" for c in counts],
        "tokens not annotated, %": [
            "-" if c is None or c.refused.n else percent(1 - c.n_tokens / max(1, part.n_tokens))
            for part, c in zip(parts, counts)
        ],
        "different labels": ["-" if c is None else f"{len(c.labels):,}" for c in counts],
    }
    labels = list(dict.fromkeys(label for c in counts if c is not None for label in c.labels))
    for label in labels[:N_LABELS]:
        rows[f"  {label}"] = ["-" if c is None else f"{c.labels.get(label, 0):,}" for c in counts]
    table = _table(_short([part.name for part in parts]), rows)
    more = len(labels) - N_LABELS
    return table if more <= 0 else f"{table}\n  and {more} more, which --json writes out"


def _short(names: List[str]) -> List[str]:
    """File names without their folders, unless two are the same."""
    short = [Path(name).name or name for name in names]
    return short if len(set(short)) == len(names) else names


def _table(names: List[str], rows: Dict[str, List[str]]) -> str:
    width = max(map(len, rows))
    widths = [max(len(name), *(len(row[i]) for row in rows.values())) for i, name in enumerate(names)]
    lines = [("", names), *rows.items()]
    return "\n".join(
        f"{title:<{width}}  " + "  ".join(f"{cell:>{w}}" for cell, w in zip(cells, widths)) for title, cells in lines
    )
