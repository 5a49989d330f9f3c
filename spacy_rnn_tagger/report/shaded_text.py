"""Texts with shades that show how likely their annotation is: displaCy's entities with a template of their own."""

import re
from colorsys import rgb_to_hls
from html import escape
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Sequence, Union
from zlib import crc32

from spacy import displacy
from spacy.displacy.render import EntityRenderer
from spacy.tokens import Doc
from spacy.util import is_in_jupyter

from ..errors import unknown_name
from ..pipeline.safe_output import Output, OutputKind
from .confidence_rows import (
    ENTS,
    MOST_ALTERNATIVES,
    SPANS,
    Row,
    entity_targets,
    has_scores,
    rows_of_entities,
    rows_of_tokens,
    token_targets,
    warn_unscored,
)

WHERE = "spacy_rnn_tagger.render"
STYLES = ("ent", "tag")
LIGHT = {"saturation": 75, "pale": 97, "full": 70, "ink": 7}
DARK = {"saturation": 60, "pale": 12, "full": 28, "ink": 96}
"""Saturation of a shade, and its lightness where the probability is 0 and 1; lightness of the letters; percent."""
MARK = "rnn-shade"
ENT = (
    '<mark class="rnn-shade{kind}" style="--h:{hue};--p:{depth}" title="{hint}">{text}'
    '<span class="rnn-label">{label}{kb_link}</span><span class="rnn-score">{score}</span></mark>'
)
TAG = ENT.replace("rnn-shade{kind}", "rnn-shade rnn-tag{kind}")
JUPYTER = '<span class="tex2jax_ignore">{}</span>'
"""Keeps notebooks from reading dollar signs as formulas, as in displaCy."""


def render(
    docs: Union[Doc, Iterable[Doc]],
    style: str = "ent",
    *,
    page: bool = False,
    jupyter: Optional[bool] = None,
    output_path: Union[str, Path, None] = None,
    force: bool = False,
    target: Optional[str] = None,
    colors: Optional[Dict[str, str]] = None,
) -> Optional[str]:
    """Show texts with their annotation, the more strongly shaded the likelier it is, in light or dark as the reader's
    system has it. What has no probability has a dashed border and no shade; alternatives that are stored are shown
    where the pointer rests.

    docs (Union[Doc, Iterable[Doc]]): The docs.
    style (str): "ent" for entities, or the spans of a group; "tag" for a label of each token.
    page (bool): Whether to make a whole HTML page; always so in a file.
    jupyter (Optional[bool]): Whether to show it in a notebook; None to do so where there is one, unless a file is
        written.
    output_path (Union[str, Path, None]): A file to write the page to; None for none.
    force (bool): Whether to replace a page that `render` wrote there before.
    target (Optional[str]): What is shown: with the style "ent" "ents" or "spans:<key>", with "tag" for instance "pos";
        None for entities, or for the first of the targets whose probabilities are stored.
    colors (Optional[Dict[str, str]]): Colors such as "#ff9561" by label, of which the hue is taken; the others are
        displaCy's.
    RETURNS (Optional[str]): The HTML; None if it is shown in a notebook or written to a file.
    RAISES (ValueError): If a style or target is unknown, spans overlap, or something else lies at the file.
    """
    if style not in STYLES:
        raise unknown_name(WHERE, "style", style, STYLES)
    docs = [docs] if isinstance(docs, Doc) else list(docs)
    for doc in docs:
        if not isinstance(doc, Doc):
            raise ValueError(f"{WHERE}: docs must be a Doc or several, but {doc!r:.60} is a {type(doc).__name__}.")
    if target is not None and style == "ent" and not any(target in entity_targets(doc) for doc in docs):
        raise unknown_name(WHERE, "target", target, dict.fromkeys(name for d in docs for name in entity_targets(d)))
    place = None
    if output_path is not None:
        place = Output(Path(output_path), PAGE, force=force, option="output_path")
    if any(len(doc) for doc in docs) and not any(has_scores(doc) for doc in docs):
        warn_unscored("render", 3)
    known = EntityRenderer({"colors": colors or {}}).colors
    parsed = [_parsed(doc, style, target, known) for doc in docs]
    options = {"template": ENT if style == "ent" else TAG}
    page = page or place is not None
    html = _with_style(displacy.render(parsed, "ent", page, jupyter=False, options=options, manual=True), page)
    if place is not None:
        place.write(lambda path: path.write_text(html, encoding="utf8"))
    shown = jupyter if jupyter is not None else place is None and is_in_jupyter()
    if shown:
        from IPython.display import HTML, display

        display(HTML(JUPYTER.format(html)))
    return None if shown or place is not None else html


def style_sheet() -> str:
    """RETURNS (str): The rules of light and dark shades, as CSS."""
    light, dark = (
        f"--ink:hsl(0 0% {each['ink']}%);--sat:{each['saturation']}%;--pale:{each['pale']}%;"
        f"--more:{each['full'] - each['pale']}%"
        for each in (LIGHT, DARK)
    )
    mark = f"mark.{MARK}"
    # JupyterLab and VS Code say themselves whether they are dark, whatever the system is.
    return (
        f"{mark}{{{light};color:var(--ink);background:hsl(var(--h) var(--sat) calc(var(--pale) + var(--more) * "
        "var(--p)));padding:.3em .5em;margin:0 .15em;line-height:1.2;border-radius:.35em;border:1px solid transparent}"
        f"@media (prefers-color-scheme:dark){{{mark}{{{dark}}}}}"
        f"[data-jp-theme-light='true'] {mark},body.vscode-light {mark}{{{light}}}"
        f"[data-jp-theme-light='false'] {mark},body.vscode-dark {mark}{{{dark}}}"
        f"{mark}.rnn-unscored{{border:1px dashed currentColor}}"
        f"{mark}.rnn-tag{{display:inline-flex;flex-direction:column;align-items:center;margin:.15em .05em}}"
        f"{mark} .rnn-label{{font-size:.75em;font-weight:bold;margin-inline-start:.5em}}"
        f"{mark} .rnn-score{{font-size:.75em;margin-inline-start:.4em;font-variant-numeric:tabular-nums}}"
        f"{mark}.rnn-tag .rnn-label,{mark}.rnn-tag .rnn-score{{margin:0}}"
    )


def _parsed(doc: Doc, style: str, target: Optional[str], known: Dict[str, str]) -> Dict[str, Any]:
    """A doc as displaCy takes it: each entity or token with what the template shows of it."""
    if style == "ent":
        rows = rows_of_entities(doc, target or ENTS, MOST_ALTERNATIVES)
        _check_overlap(rows, target or ENTS)
    else:
        rows = rows_of_tokens(doc, target or _first_target(doc), MOST_ALTERNATIVES) if len(doc) else []
        rows = [row for row in rows if row["label"] and not doc[row["token"]].is_space]
    title = doc.user_data.get("title")
    return {
        "text": doc.text,
        "ents": [{**row, "params": _params(row, style, known)} for row in rows],
        "title": None if title is None else escape(str(title)),
        "settings": displacy.get_doc_settings(doc),
    }


def _params(row: Row, style: str, known: Dict[str, str]) -> Dict[str, Any]:
    """What the template shows of one row."""
    score, label = row["score"], row["label"]
    name = label[2:] if row["target"] == ENTS and label[1:2] == "-" and style == "tag" else label
    said = f"{label}: " + ("no probability is stored" if score is None else f"{score:.4f}")
    least = "at most " if style == "ent" and row.get("token_end", 0) - row.get("token_start", 0) > 1 else ""
    others = [f"{other}: {least}{prob:.4f}" for other, prob in (row["alternatives"] or {}).items()]
    return {
        "label": escape(label),
        "hue": _hue(name, known),
        "depth": "0" if score is None else f"{score:.3f}",
        "kind": " rnn-unscored" if score is None else "",
        "score": "" if score is None else _rounded(score),
        "hint": escape("\n".join([said, *others]), quote=True),
    }


def _rounded(score: float) -> str:
    """Two digits; but what is not certain is not shown as certain."""
    return ".99+" if 0.995 <= score < 1 else f"{score:.2f}".removeprefix("0") if score < 1 else "1"


def _hue(label: str, known: Dict[str, str]) -> int:
    """The hue of a label in degrees: that of its color, else one that depends on nothing but the label."""
    found = re.fullmatch(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})", known.get(label.upper(), "").lower())
    if found is None:
        return crc32(label.encode("utf8")) % 360
    hue, _, _ = rgb_to_hls(*(int(part, 16) / 255 for part in found.groups()))
    return round(hue * 360)


def _first_target(doc: Doc) -> str:
    """The target of which tokens are shown."""
    names = token_targets(doc)
    rows = {name: any(row["score"] is not None for row in rows_of_tokens(doc, name, 1)) for name in names}
    return next((name for name in names if rows[name]), names[0] if names else "tag")


def _check_overlap(rows: Sequence[Row], target: str) -> None:
    ordered: List[Row] = sorted(rows, key=lambda row: (row["start"], row["end"]))
    for row, after in zip(ordered, ordered[1:]):
        if after["start"] < row["end"]:
            raise ValueError(
                f"{WHERE}: the spans {row['text']!r} and {after['text']!r} of {target!r} overlap, and cannot be drawn "
                f"on one line; spacy.displacy.render(style='span', options={{'spans_key': {target[len(SPANS) :]!r}}}) "
                "draws them without probabilities."
            )


def _with_style(html: str, page: bool) -> str:
    rules = f"<style>{style_sheet()}</style>"
    if not page:
        return rules + html
    head = f'<meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>Confidence</title>{rules}'
    return html.replace("<title>displaCy</title>", head, 1)


def _objection(path: Path) -> Optional[str]:
    return None if MARK.encode() in path.read_bytes() else f"was not written by {WHERE}"


PAGE = OutputKind("page", False, _objection)
