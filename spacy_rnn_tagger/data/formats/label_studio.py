"""JSON as Label Studio exports it (JSON and JSON-MIN) and imports it: tasks with annotations or predictions."""

import json
from typing import Any, Dict, Iterable, Iterator, List, Optional

from spacy.tokens import Doc

from ..annotations import has_entities, meta_of, spans_of
from ..json_items import read_items
from ..reading import Reading, Writing
from ..records import CharSpan, Record
from ..span_items import spans_of_items

SEVERAL = "Tasks with several annotations, of which the first that was not cancelled is taken: {n}."
PREDICTED = "Tasks with a prediction but no annotation, of which the prediction is taken: {n}."
NO_SPANS = "Results that are no labelled spans (relations, choices, ratings), left out: {n}."


def read_label_studio(reading: Reading) -> Iterator[Record]:
    """The tasks of a Label Studio export.

    reading (Reading): The file.
    YIELDS (Record): A task's text.
    """
    for line, task in read_items(reading):
        if not isinstance(task, dict):
            reading.bad(line, f'each task must be an object with "data" and "annotations", not {task!r:.60}.')
            continue
        data = task.get("data", task)
        results = _results(reading, task)
        text = _text(reading, line, data, results)
        if text is None:
            continue
        spans = None if results is None else spans_of_items(reading, line, _values(reading, results))
        if results is not None and spans is None:
            continue
        record = Record(line, text=text, spans=spans)
        record.meta = {"id": task["id"]} if "id" in task else {}
        yield record


def write_label_studio(docs: Iterable[Doc], writing: Writing) -> None:
    """Write an array of tasks for a labelling config with `<Labels name="label" toName="text">` and `<Text
    name="text">`. Spans with probabilities are predictions, to be corrected; others are annotations.

    docs (Iterable[Doc]): The docs.
    writing (Writing): The file.
    """
    with writing.path.open("w", encoding="utf8", newline="\n") as file:
        before = "[\n"
        for doc in docs:
            file.write(before + json.dumps(_task(doc, writing), ensure_ascii=False))
            before = ",\n"
        file.write("[]\n" if before == "[\n" else "\n]\n")


def _task(doc: Doc, writing: Writing) -> Dict[str, Any]:
    spans = spans_of(doc, writing)
    predicted = any(span.score is not None for span in spans)
    results = [_result(n, span) for n, span in enumerate(spans)]
    answer: Dict[str, Any] = {"result": results}
    if predicted:
        answer["score"] = min(span.score for span in spans if span.score is not None)
    meta = meta_of(doc)
    task: Dict[str, Any] = {"id": meta["id"]} if "id" in meta else {}
    task["data"] = {"text": doc.text}
    if has_entities(doc, writing):
        task["predictions" if predicted else "annotations"] = [answer]
    return task


def _result(n: int, span: CharSpan) -> Dict[str, Any]:
    value = {"start": span.start, "end": span.end, "text": span.text, "labels": [span.label]}
    result = {"id": f"span-{n}", "from_name": "label", "to_name": "text", "type": "labels", "value": value}
    return result if span.score is None else {**result, "score": span.score}


def _results(reading: Reading, task: Dict[str, Any]) -> Optional[List[Any]]:
    """The results of the annotation that is taken, or the spans of JSON-MIN; None if there is none."""
    for name in ("annotations", "completions"):
        answers = [each for each in task.get(name) or [] if isinstance(each, dict) and not each.get("was_cancelled")]
        if len(answers) > 1:
            reading.count(SEVERAL)
        if answers:
            return list(answers[0].get("result") or [])
    predictions = [each for each in task.get("predictions") or [] if isinstance(each, dict)]
    if predictions:
        reading.count(PREDICTED)
        return list(predictions[0].get("result") or [])
    spans = next((v for k, v in task.items() if k != "data" and isinstance(v, list) and v and _is_value(v[0])), None)
    return None if spans is None else [{"value": value} for value in spans]


def _is_value(value: Any) -> bool:
    return isinstance(value, dict) and {"start", "end", "labels"} <= set(value)


def _values(reading: Reading, results: List[Any]) -> List[Any]:
    values: List[Any] = []
    for result in results:
        value = result.get("value") if isinstance(result, dict) else None
        if not isinstance(value, dict) or not ("labels" in value or "hypertextlabels" in value):
            reading.count(NO_SPANS)
            continue
        labels = value.get("labels") or value.get("hypertextlabels") or []
        values += [{**value, "labels": [label], "score": result.get("score")} for label in labels]
    return values


def _text(reading: Reading, line: int, data: Any, results: Optional[List[Any]]) -> Optional[str]:
    """The text: the field that was named, or that the results are about, or the only string."""
    fields = {k: v for k, v in data.items() if isinstance(v, str)} if isinstance(data, dict) else {}
    named = [each.get("to_name") for each in results or [] if isinstance(each, dict)]
    for name in (reading.field_names().get("text"), "text", *named):
        if name in fields:
            return fields[name]
    if len(fields) == 1:
        return next(iter(fields.values()))
    reading.bad(
        line,
        f'"data" must hold the text; its texts are {", ".join(map(repr, fields)) or "none"}. Name the field by '
        "--columns text=FIELD.",
    )
    return None
