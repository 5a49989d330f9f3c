"""`python -m spacy rnn doubts`: gold labels that may be wrong."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Dict, List, Optional, Sequence, Tuple

from spacy.cli._util import Arg, Opt
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..data.formats import FORMATS
from ..data.reading import Writing
from ..data.recognizing import has_format
from ..errors import nearest
from ..evaluation.doubt_docs import GROUP, REMOVABLE, doubt_docs, without_doubts
from ..evaluation.doubts import RANKING, RANKINGS, Doubt, TargetDoubts
from ..pipeline.safe_output import OutputKind
from ..report.doubts_page import render_doubts
from ..report.page import PAGE
from ..training.corpus import create_corpus
from ..training.doubts import CorpusDoubts, find_doubts
from ..training.out_of_fold import FoldSettings
from ..training.recipe import ACCURACY, EFFICIENCY
from .app import rnn_cli
from .check import LangOpt, VectorsOpt
from .convert import with_options
from .places import running
from .shared import ForceOpt, JsonOpt, heading, show_progress, tell_next

ENDINGS = (".jsonl", ".html")
SHOWN = 10
"""Doubts of each target that are printed."""


@dataclass
class DoubtOptions:
    """The arguments of the command, in the order of its help."""

    corpora: Annotated[
        List[Path], Arg(help=".spacy files or directories of them, with gold", metavar="CORPUS...", exists=True)
    ]
    output: Annotated[Path, Opt("--output", "-o", help="File to write: .jsonl for annotation tools, .html to read")]
    n: Annotated[int, Opt("--n", "-n", help="Doubts of each target to write; 0 for all", min=0)] = 200
    targets: Annotated[
        Optional[List[str]], Opt("--target", "-t", help="Look at this target only, such as ents; may be repeated")
    ] = None
    partial: Annotated[
        Optional[Path],
        Opt("--partial", help="Also write the corpus to this .spacy file, with the doubtful labels missing"),
    ] = None
    lang: LangOpt = "en"
    vectors: VectorsOpt = None
    optimize: Annotated[
        str, Opt("--optimize", "-O", help=f"Recipe of the models: {EFFICIENCY}, or the slower {ACCURACY}")
    ] = EFFICIENCY
    folds: Annotated[int, Opt("--folds", "-k", help="Models; each judges docs that the others train on")] = 4
    rounds: Annotated[
        int, Opt("--rounds", "-r", help="How often to split anew and train anew; means of rounds are steadier")
    ] = 1
    seed: Annotated[int, Opt("--seed", help="Decides the folds and the models' first weights")] = 0
    max_steps: Annotated[
        int, Opt("--max-steps", help="Most updates of each model; 0 for what the recipe says", min=0)
    ] = 0
    processes: Annotated[int, Opt("--processes", "-p", help="Models trained at the same time, one thread each")] = 1
    ranking: Annotated[str, Opt("--ranking", help=f"What to rank by: {', '.join(RANKINGS)}")] = RANKING
    work: Annotated[
        Optional[Path],
        Opt("--work", help="Folder that keeps what each model finds, to go on from; else OUTPUT.folds, until the end"),
    ] = None
    json_path: JsonOpt = None
    force: ForceOpt = False

    def settings(self) -> FoldSettings:
        """RETURNS (FoldSettings): How the models are trained."""
        return FoldSettings(
            lang=self.lang,
            targets=tuple(self.targets) if self.targets else None,
            optimize=self.optimize,
            vectors=self.vectors,
            n_folds=self.folds,
            seed=self.seed,
            max_steps=self.max_steps,
            processes=self.processes,
            rounds=self.rounds,
        )


@rnn_cli.command("doubts")
@with_options(DoubtOptions)
def doubts_cli(**given: Any) -> None:
    """
    Find gold labels that may be wrong: models are trained on parts of the corpus, each judges the part that it does not
    know, and the labels that are least likely are ranked, in their sentences, with the model's alternative. A run that
    was stopped goes on where it was when the same command is given again.

    Example: python -m spacy rnn doubts corpus/train.spacy -o doubts.jsonl --partial without-doubts.spacy
    """
    options = DoubtOptions(**given)
    with running("rnn doubts", None, force=options.force, inputs=options.corpora) as places:
        settings = options.settings()
        settings.check()
        if options.output.suffix not in ENDINGS:
            raise ValueError(
                f"--output {str(options.output)!r} has an unknown ending; allowed: {', '.join(ENDINGS)}."
                + nearest(options.output.suffix, ENDINGS)
            )
        page = places.add_file(options.output, PAGE if options.output.suffix == ".html" else TASKS, "--output")
        partial = None if options.partial is None else places.add_file(options.partial, DOCS, "--partial")
        places.add_json(options.json_path)
        if partial is not None:
            _check_removable(options.targets)
        docs, sources = read_corpora(options.corpora)
        folder = options.work or options.output.with_name(f"{options.output.name}.folds")
        print(f"What each model finds is kept in {str(folder)!r}; the same command goes on from there.")
        done = find_doubts(docs, settings, n=options.n, ranking=options.ranking, folder=folder, progress=show_progress)
        found = [doubt for target in done.targets for doubt in target.doubts]
        if partial is not None:
            _check_removable([target.target for target in done.targets if target.doubts])
            partial.write(lambda path: FORMATS["spacy"].write(without_doubts(docs, found), Writing(path)))
        page.write(lambda path: _write(path, options.output.suffix, docs, done, sources))
        print("\n\n".join(format_target(target) for target in done.targets))
        places.write_json(done)
        if options.work is None:
            _forget(folder)
        tell_next(*next_steps(options))


def read_corpora(paths: Sequence[Path]) -> Tuple[List[Doc], Dict[int, Dict[str, Any]]]:
    """The gold docs of some files, and where each is from.

    paths (Sequence[Path]): .spacy files, or directories of them.
    RETURNS (Tuple[List[Doc], Dict[int, Dict[str, Any]]]): The docs; by their index, the "source" and the index in it.
    """
    vocab = Vocab()
    docs: List[Doc] = []
    sources: Dict[int, Dict[str, Any]] = {}
    for path in paths:
        for i, doc in enumerate(create_corpus(path).docs(vocab)):
            sources[len(docs)] = {"source": str(path), "doc_in_source": i}
            docs.append(doc)
    return docs, sources


def format_target(found: TargetDoubts) -> str:
    """RETURNS (str): How many labels are doubtful, and the first of them. found (TargetDoubts): The doubts."""
    lines = [
        heading(found.target),
        f"{found.n_judged:,} judged, {found.n_disagreements:,} less likely than something else, "
        f"{found.n_confident:,} of them with a model that is confident of it",
    ]
    if found.n_errors is not None:
        lines.append(f"{found.n_errors:,.0f} labels are wrong, as confident learning estimates it")
    if found.n_left_out:
        lines.append(f"{found.n_left_out:,} have labels that are in one fold only, and could not be judged")
    return "\n".join([*lines, *map(format_doubt, found.doubts[:SHOWN])])


def format_doubt(doubt: Doubt) -> str:
    """RETURNS (str): A doubt in one line. doubt (Doubt): The doubt."""
    before, after = " ".join(doubt.before.split())[-30:], " ".join(doubt.after.split())[:30]
    where = f"{before} [{doubt.text}] {after}".strip()
    other = doubt.other or "nothing"
    if (doubt.other_start, doubt.other_end) != (doubt.start, doubt.end):
        other += f" {doubt.other_text!r}"
    given = f"{doubt.given or 'nothing'} ({doubt.given_probability:.1g})"
    return f"  {given} or {other} ({doubt.other_probability:.2f}): {where}"


def next_steps(options: DoubtOptions) -> List[str]:
    """RETURNS (List[str]): What to do with what was found. options (DoubtOptions): The arguments."""
    steps = []
    if options.output.suffix == ".jsonl":
        steps.append(
            f"Decide, in an annotation tool, or as spaCy's docs: python -m spacy rnn convert {options.output} "
            f"doubts.spacy --spans {GROUP}"
        )
    else:
        steps.append(f"Open {options.output} in a browser.")
    if options.partial is not None:
        steps.append(f"Train without the doubtful labels: python -m spacy rnn check {options.partial}")
    return steps


def _check_removable(targets: Optional[Sequence[str]]) -> None:
    for target in targets or ():
        if target not in REMOVABLE:
            raise ValueError(
                f"--partial: labels of the target {target!r} cannot be missing one by one; allowed are "
                f"{', '.join(REMOVABLE)}. Name targets by --target, or leave out --partial."
            )


def _write(
    path: Path, suffix: str, docs: Sequence[Doc], done: CorpusDoubts, sources: Dict[int, Dict[str, Any]]
) -> None:
    if suffix == ".html":
        path.write_text(render_doubts(done, docs, sources), encoding="utf8")
        return
    found = (each for target in done.targets for each in doubt_docs(docs, target.doubts, sources))
    FORMATS["prodigy"].write(found, Writing(path, spans_key=GROUP))


def _forget(folder: Path) -> None:
    """Remove what the models found, and folders that are empty then."""
    for path in folder.glob("*/*fold-*.msgpack"):
        path.unlink()
    for each in (*folder.glob("*"), folder):
        if each.is_dir() and not any(each.iterdir()):
            each.rmdir()


def _tasks_objection(path: Path) -> Optional[str]:
    return None if has_format(path, "prodigy") else "is no file of annotation tasks"


def _docs_objection(path: Path) -> Optional[str]:
    return None if has_format(path, "spacy") else "is no .spacy file"


TASKS = OutputKind("file of tasks", False, _tasks_objection)
DOCS = OutputKind(".spacy file", False, _docs_objection)
