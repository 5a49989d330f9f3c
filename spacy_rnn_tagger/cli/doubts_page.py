"""Doubtful gold labels as one page to read in a browser, without scripts and without anything from the network."""

from typing import Any, Dict, Mapping

from jinja2 import Environment

from ..training.doubts import CorpusDoubts

MARK = '<meta name="generator" content="spacy rnn doubts">'
TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{{ mark | safe }}
<title>Doubtful labels</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; }
li { border-top: 1px solid GrayText; padding: .5rem 0; }
mark { background: #ffe08a; color: #000; padding: 0 .2em; }
small { display: block; }
</style>
</head>
<body>
<main>
<h1>Doubtful labels</h1>
<p>{{ "{:,}".format(done.n_docs) }} docs, {{ "{:,}".format(done.n_tokens) }} tokens; judged by
{{ done.settings.n_folds }} models, each trained on the other docs; ranked by {{ done.ranking }}.</p>
{% for target in done.targets %}
<h2>{{ target.target }}</h2>
<p>{{ "{:,}".format(target.n_judged) }} labels judged; {{ "{:,}".format(target.n_disagreements) }} are less likely than
something else, of which a model is confident {{ "{:,}".format(target.n_confident) }} times.
{% if target.n_errors is not none %}About {{ "{:,.0f}".format(target.n_errors) }} are wrong, as confident learning
estimates it.{% endif %}</p>
<ol>
{% for doubt in target.doubts %}
<li>{{ doubt.before }}<mark>{{ doubt.text }}</mark>{{ doubt.after }}
<small><strong>{{ doubt.given or "nothing" }}</strong> ({{ probability(doubt.given_probability) }}) or
<strong>{{ doubt.other or "nothing" }}</strong>
{%- if (doubt.other_start, doubt.other_end) != (doubt.start, doubt.end) %} on “{{ doubt.other_text }}”{% endif %}
({{ probability(doubt.other_probability) }}); {{ doubt.kind }}; {{ source(doubt.doc) }}, tokens {{ doubt.start }} to
{{ doubt.end - 1 }}</small></li>
{% endfor %}
</ol>
{% endfor %}
</main>
</body>
</html>
"""


def doubts_page(done: CorpusDoubts, sources: Mapping[int, Dict[str, Any]]) -> str:
    """The page.

    done (CorpusDoubts): The doubts.
    sources (Mapping[int, Dict[str, Any]]): The file of each doc, "source", and its index there, "doc_in_source".
    RETURNS (str): HTML.
    """

    def source(doc: int) -> str:
        place = sources.get(doc, {})
        return f"{place['source']}, doc {place['doc_in_source']}" if place else f"doc {doc}"

    template = Environment(autoescape=True).from_string(TEMPLATE)
    return template.render(done=done, mark=MARK, source=source, probability="{:.2g}".format)
