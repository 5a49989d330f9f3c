"""What smaller weights cost: size on disk and scores of trained pipelines, as they were trained, then without what only
training needs, with weights as float32, float16 and int8. All are scored as loaded from disk.

    python benchmarks/small_models.py training/ewt/model-best corpus/ewt/en_ewt-ud-dev.spacy --gold-preproc

More pairs of a pipeline and its data may follow; all go into one table. MB are millions of bytes; changes are in
points.
"""

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, List, Optional

import spacy

sys.path.append(str(Path(__file__).parent.parent))  # a script finds its own folder there, not the project's

from benchmarks.common.table import NOTHING, Table
from spacy_rnn_tagger.cli.shared import read_corpus, show_progress
from spacy_rnn_tagger.evaluation import score_pipeline
from spacy_rnn_tagger.models.storage.forms import FORMS
from spacy_rnn_tagger.pipeline.compression import compress, size_on_disk

Row = Dict[str, Any]


def measure(model: Path, data: Path, gold_preproc: bool) -> List[Row]:
    """One row for the pipeline as it is, one for each form of its weights."""
    nlp = spacy.load(model)
    rows = [_row(model, model, data, "as trained", gold_preproc)]
    for form in FORMS:
        compress(nlp, form)
        with TemporaryDirectory() as folder:
            nlp.to_disk(folder)
            rows.append(_row(model, Path(folder), data, form, gold_preproc))
    return rows


def _row(model: Path, saved: Path, data: Path, form: str, gold_preproc: bool) -> Row:
    corpus = read_corpus(data, gold_preproc)
    scores = score_pipeline(spacy.load(saved), corpus, progress=show_progress, title=f"{model}, {form}: scoring")
    return {"pipeline": str(model), "data": data.name, "weights": form, "bytes": size_on_disk(saved), "scores": scores}


def markdown(tables: List[List[Row]]) -> str:
    keys = list(dict.fromkeys(key for rows in tables for row in rows for key in row["scores"]))
    table = Table(
        "small_models", "", ["pipeline", "data", "weights", "MB", *(f"`{key}`, %" for key in keys)], n_texts=3
    )
    for first, *others in tables:
        for row in (first, *others):
            cells = [f"`{row['pipeline']}`", row["data"], row["weights"], f"{row['bytes'] / 1e6:.2f}"]
            cells += [_score(row, first, key) for key in keys]
            table.add(*cells)
    return table.markdown() + "\n"


def _score(row: Row, first: Row, key: str) -> str:
    if key not in row["scores"]:
        return NOTHING
    score, before = 100 * row["scores"][key], 100 * first["scores"][key]
    change = round(score - before, 2) + 0.0  # never "-0.00"
    return f"{score:.2f}" if row is first else f"{score:.2f} ({change:+.2f})"


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, nargs="+", metavar="MODEL DATA", help="trained pipeline and .spacy file")
    parser.add_argument("--gold-preproc", action="store_true", help="use gold sentences and tokens")
    parser.add_argument("--output", type=Path, help="folder for small_models.json and small_models.md")
    args = parser.parse_args(argv)
    if len(args.pairs) % 2:
        parser.error(f"{len(args.pairs)} paths are given; each pipeline needs a .spacy file after it")
    missing = [str(path) for path in args.pairs if not path.exists()]
    if missing:
        parser.error(f"there is no {', '.join(missing)}; train the pipeline and convert its corpus first")
    tables = [measure(model, data, args.gold_preproc) for model, data in zip(args.pairs[::2], args.pairs[1::2])]
    print(markdown(tables))
    if args.output is not None:
        args.output.mkdir(parents=True, exist_ok=True)
        (args.output / "small_models.json").write_text(json.dumps(tables, indent=2) + "\n", encoding="utf8")
        (args.output / "small_models.md").write_text(markdown(tables), encoding="utf8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
