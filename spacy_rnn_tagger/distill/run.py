"""`distill`: teachers and raw text in, one fast student out."""

import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Callable, List, Mapping, Optional, Sequence

import spacy
import srsly
from spacy.language import Language
from spacy.training import Example
from spacy.util import import_file

from ..annotate import Progress
from ..annotate.chunks import make_chunks
from ..annotate.inputs import find_inputs
from ..annotate.records import Text
from ..annotate.settings import AnnotateSettings
from ..annotate.texts import read_segment
from ..pipeline.safe_output import Output, OutputKind
from ..training.corpus import create_corpus
from ..training.held_out import HeldOut
from .asking import ask
from .comparison import PipelineNumbers, compare, data_kind
from .settings import WHERE, DistillSettings, Workers
from .students import finishing_config, gold_config, read_config, score_of, taught_config, train_once

MARK, BEST, REPORT = "distill.json", "model-best", "report.json"


@dataclass
class Distillation:
    """What came of a distillation.

    output (str): Its folder.
    student (str): The student: the best pipeline.
    teachers (List[str]): The teachers.
    n_docs (int): Documents of raw text with answers.
    n_tokens (int): Their tokens.
    n_rejected (int): Documents that a teacher could not annotate.
    n_left_out (int): Documents that not all teachers have annotated with the same tokens.
    n_held_out (int): Documents of raw text with a sentence of the development or test data, which were not learned
        from.
    data (str): The data that all are compared on.
    pipelines (List[PipelineNumbers]): The teachers, the student, and the student on gold alone if it was asked for.
    """

    output: str
    student: str
    teachers: List[str]
    n_docs: int
    n_tokens: int
    n_rejected: int = 0
    n_left_out: int = 0
    n_held_out: int = 0
    data: str = ""
    pipelines: List[PipelineNumbers] = field(default_factory=list)


def distill(
    teachers: Sequence[str],
    raw: Sequence[str],
    config: Path,
    dev: Path,
    output: Path,
    *,
    gold: Optional[Path] = None,
    test: Optional[Path] = None,
    settings: Optional[DistillSettings] = None,
    overrides: Optional[Mapping[str, Any]] = None,
    workers: Optional[Workers] = None,
    force: bool = False,
    progress: Callable[[str, Progress], None] = lambda teacher, progress: None,
) -> Distillation:
    """Teach a student what other pipelines know, on raw text. The same call goes on with one that was stopped, in
    either stage, and ends with the same student.

    teachers (Sequence[str]): Pipelines: directories, or names of installed packages. Probabilities are asked of our
        components and of spaCy's tagger and morphologizer, labels of all others.
    raw (Sequence[str]): Texts, as `annotate` takes them: files, folders and patterns.
    config (Path): The student's config.
    dev (Path): Gold docs to choose the best student by; or raw text, whose gold is what the teachers say.
    output (Path): The folder for answers and students.
    gold (Optional[Path]): Gold docs to train on, .spacy.
    test (Optional[Path]): Data to compare on, as `dev`; `dev` itself if None.
    settings (Optional[DistillSettings]): How answers and gold are mixed.
    overrides (Optional[Mapping[str, Any]]): Settings of the student's config, by "section.key".
    workers (Optional[Workers]): Who does the work.
    force (bool): Whether to start anew where the folder holds another distillation.
    progress (Callable[[str, Progress], None]): Is told how far each teacher is.
    RETURNS (Distillation): What came of it, with a comparison of all pipelines.
    RAISES (ValueError): If an argument is not allowed, or `raw` holds a sentence of `dev` or `test`.
    """
    settings, workers = settings or DistillSettings(), workers or Workers()
    settings.check()
    if not teachers:
        raise ValueError(f"{WHERE}: no teacher is named; name a pipeline's directory or package.")
    student = read_config(Path(config), overrides)
    lang = student["nlp"]["lang"]
    output = Path(output)
    given = [Path(path) for path in (config, dev, *(path for path in (gold, test) if path is not None))]
    Output(output, DISTILLATION, force=True, inputs=given, option="OUTPUT")
    output.mkdir(parents=True, exist_ok=True)
    if not (output / MARK).exists():
        srsly.write_json(output / MARK, {"command": WHERE})
    if workers.code is not None:
        import_file("python_code", workers.code)

    def asked(texts: Sequence[str], name: str) -> Any:
        return ask(teachers, texts, output / name, settings, workers=workers, force=force, progress=progress)

    dev_docs = Path(dev) if data_kind(Path(dev)) == "gold" else asked([str(dev)], "dev").folder
    test_docs = dev_docs
    if test is not None:
        test_docs = Path(test) if data_kind(Path(test)) == "gold" else asked([str(test)], "test").folder
    held = list(dict.fromkeys([dev_docs, test_docs]))
    n_held_out = check_raw(raw, held, lang, leave_out=settings.leave_out)
    answers = asked(raw, "answers")
    taught = taught_config(student, answers.folder, gold, dev_docs, held if settings.leave_out else [], settings)
    files = [answers.folder, *held, *([] if gold is None else [Path(gold)])]
    best, _ = train_once(taught, output / "taught", files, gpu=workers.gpu, force=force)
    if gold is not None and settings.gold_steps:
        finish = finishing_config(student, best, Path(gold), dev_docs, settings)
        finished, _ = train_once(finish, output / "finished", files, gpu=workers.gpu, force=force)
        best = finished if score_of(finished) > score_of(best) else best
    _copy(best, output / BEST)
    models = [*(("teacher", teacher) for teacher in teachers), ("student", str(output / BEST))]
    if gold is not None and settings.baseline:
        alone = gold_config(student, Path(gold), dev_docs)
        model, _ = train_once(alone, output / "gold-alone", [Path(gold), *held], gpu=workers.gpu, force=force)
        models.append(("gold alone", str(model)))
    corpus = create_corpus(test_docs, gold_preproc=_uses_gold_tokens(student))
    done = Distillation(
        str(output),
        str(output / BEST),
        list(teachers),
        answers.n_docs,
        answers.n_tokens,
        sum(run.n_rejected for run in answers.runs),
        answers.n_left_out,
        n_held_out,
        str(test_docs),
        compare(models, _reading(corpus), gpu=workers.gpu),
    )
    srsly.write_json(output / REPORT, {"command": WHERE, **asdict(done)})
    return done


def check_raw(raw: Sequence[str], held: Sequence[Path], lang: str, *, leave_out: bool) -> int:
    """Look for sentences of development and test data in raw text.

    raw (Sequence[str]): The texts, as `annotate` takes them.
    held (Sequence[Path]): The development and test data, .spacy.
    lang (str): The language's code.
    leave_out (bool): Whether texts with such sentences are only counted.
    RETURNS (int): How many texts have one.
    RAISES (ValueError): On the first, if they are not to be left out.
    """
    vocab = spacy.blank(lang).vocab
    known = HeldOut(doc for path in held for doc in create_corpus(path).docs(vocab))
    settings = AnnotateSettings(format="spacy")
    n_found = 0
    for chunk in make_chunks(find_inputs(list(raw)), settings):
        for segment in chunk.segments:
            for record in read_segment(segment, settings):
                if not isinstance(record, Text):
                    continue
                text = record.text if record.words is None else " ".join(record.words)
                sentence = known.find(text)
                if sentence is None:
                    continue
                n_found += 1
                if not leave_out:
                    raise ValueError(
                        f"{WHERE}: RAW has a sentence of the development or test data: {segment.file!r}, line "
                        f"{record.line}, {sentence[:80]!r}. A student that has seen it cannot be judged by it; take it "
                        "out, or pass --leave-out to have all such texts left out."
                    )
    return n_found


def _reading(corpus: Any) -> Callable[[Language], List[Example]]:
    return lambda nlp: list(corpus(nlp))


def _uses_gold_tokens(config: Any) -> bool:
    name = str(config["training"].get("dev_corpus", "corpora.dev")).split(".")[-1]
    return bool(config.get("corpora", {}).get(name, {}).get("gold_preproc", False))


def _copy(model: Path, place: Path) -> None:
    """Put a copy of a pipeline in the place of another one."""
    new = place.with_name(f".{place.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(model, new)
    shutil.rmtree(place, ignore_errors=True)
    os.rename(new, place)


def _objection(path: Path) -> Optional[str]:
    names = sorted(each.name for each in path.iterdir())
    return None if not names or MARK in names else f"holds {', '.join(map(repr, names[:3]))}, and is no distillation"


DISTILLATION = OutputKind("distillation", True, _objection)
