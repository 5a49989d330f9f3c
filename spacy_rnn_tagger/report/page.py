"""A pipeline's report as one HTML file."""

from math import isfinite
from pathlib import Path
from typing import Any, Optional

import jinja2

from ..evaluation.error_kinds import SCHEMES, SPAN_KINDS, TOKEN_KINDS
from ..evaluation.report_numbers import PipelineReport
from ..pipeline.safe_output import Output, OutputKind
from .confusion import N_LABELS, confusion_table
from .embedded_data import N_CURVES, embedded_data

GENERATOR = "spacy-rnn-tagger"
TITLES = {
    "tag": "Fine-grained tags",
    "pos": "Parts of speech",
    "morph": "Morphology",
    "ents": "Entities",
    "sents": "Sentences",
}
SCORE_NAMES = {"f": "F", "p": "Precision", "r": "Recall", "acc": "Accuracy"}


def write_report(report: PipelineReport, path: Path, *, force: bool = False) -> None:
    """Write a report as one HTML file that needs nothing else.

    report (PipelineReport): The report.
    path (Path): The file.
    force (bool): Whether to replace a page that lies there.
    RAISES (OutputError): If something else lies there, or a page and `force` is False.
    """
    html = render_report(report)
    Output(path, PAGE, force=force).write(lambda new: new.write_text(html, encoding="utf8"))


def render_report(report: PipelineReport) -> str:
    """RETURNS (str): The page. report (PipelineReport): The report."""
    return render(
        "pipeline.html.j2",
        report=report,
        data=embedded_data(report),
        confusions=[confusion_table(task) for task in report.tasks],
        comparisons={task.target: task for task in (report.comparison.tasks if report.comparison else [])},
        order=[task.target for task in report.comparison.tasks] if report.comparison else [],
        kinds=SPAN_KINDS,
        token_kinds=TOKEN_KINDS,
        schemes=SCHEMES,
        n_labels=N_LABELS,
        n_curves=N_CURVES,
    )


def render(template: str, **values: Any) -> str:
    """Fill in a template of this room. All that is filled in is escaped.

    template (str): Its file name.
    **values (Any): What it needs.
    RETURNS (str): The page.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("spacy_rnn_tagger.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        percent=percent,
        signed=signed,
        thousands=lambda n: f"{n:,}",
        title_of=title_of,
        score_name=score_name,
        kind_parts=lambda kinds: [(kind, n, f"kind-{kind}") for kind, n in kinds.items()],
        error_kinds=lambda kinds, names: [(kind, f"{kind}: {names[kind]}") for kind in kinds if kind != "right"],
    )
    # Words of foreign data stay readable, and the characters that could end the script are escaped by the filter.
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":"), "allow_nan": False}
    return environment.get_template(template).render(generator=GENERATOR, **values)


def percent(share: Optional[float]) -> str:
    """RETURNS (str): A share in percent, "-" for none. share (Optional[float]): From 0 to 1."""
    return "-" if share is None or not isfinite(share) else f"{100 * share:.2f}"


def signed(share: float) -> str:
    """RETURNS (str): A difference in points with its sign. share (float): From -1 to 1."""
    return "-" if not isfinite(share) else f"{100 * share:+.2f}".replace("-", "\N{MINUS SIGN}")


def title_of(target: str) -> str:
    """RETURNS (str): What a target is called in a heading. target (str): Its name."""
    if target.startswith("spans:"):
        return f"Spans “{target[6:]}”"
    return TITLES.get(target, f"Attribute “{target[2:]}”")


def score_name(key: str) -> str:
    """RETURNS (str): What a score is called. key (str): Its key, such as "ents_f"."""
    return SCORE_NAMES.get(key.rpartition("_")[2], key)


def _page_objection(path: Path) -> Optional[str]:
    mark = f'<meta name="generator" content="{GENERATOR}">'.encode()
    return None if mark in path.read_bytes()[:4096] else f"is no page of {GENERATOR}"


PAGE = OutputKind("page", False, _page_objection)
