"""What the site has beside the pages of this folder: README as its first page, and a reference from docstrings."""

import re
from configparser import ConfigParser
from pathlib import Path
from typing import Any, List

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
# Links to files that the site does not have keep their text alone.
OUTSIDE = re.compile(r"(?<!!)\[([^\]]+)\]\((?:\.\./)+[^)]*\)")
GROUPS = {
    "Components": "spacy_factories",
    "Architectures": "spacy_architectures",
    "Callbacks": "spacy_callbacks",
    "Schedules": "thinc_schedules",
    "Loggers": "spacy_loggers",
    "Readers": "spacy_readers",
    "Vectors": "spacy_vectors",
    "Scorers": "spacy_scorers",
}
FUNCTIONS = {
    "Your data": ["data.convert", "evaluation.check_corpus", "training.config_for_corpus.config_for_corpus"],
    "Evaluation": [
        "evaluation.score_pipeline",
        "evaluation.calibrate_pipeline",
        "evaluation.sweep_biases",
        "evaluation.compress_pipeline",
        "evaluation.summarize_layers",
    ],
    "Annotation": ["annotate.annotate", "annotate.ray", "annotate.spark"],
    "Packaging": ["pipeline.wheelhouse.write_wheelhouse"],
    "The component": ["pipeline.rnn_tagger.RNNTagger"],
}


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made here."""
    files.append(File.generated(config, "index.md", content=start_page()))
    files.append(File.generated(config, "reference.md", content=reference_page()))
    return files


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """Take links to files that are not of the site out of a page."""
    return OUTSIDE.sub(r"\1", markdown)


def start_page() -> str:
    """RETURNS (str): README, as a page of this folder."""
    text = (ROOT / "README.md").read_text(encoding="utf8")
    text = re.sub(r"\]\((?!https?:|docs/|#)", "](../", text)
    return text.replace("](docs/", "](")


def reference_page() -> str:
    """RETURNS (str): Every registered name and every function, with what mkdocstrings makes of its docstring."""
    setup = ConfigParser(delimiters=("=",))
    setup.optionxform = str  # type: ignore[assignment,method-assign]
    setup.read(ROOT / "setup.cfg", encoding="utf8")
    lines: List[str] = ["# Reference", ""]
    for title, group in GROUPS.items():
        lines += [f"## {title}", ""]
        for line in setup["options.entry_points"][group].strip().splitlines():
            name, _, place = line.partition(" = ")
            lines += [f"### `{name}`", ""]
            if group == "spacy_factories":
                lines += [f'`nlp.add_pipe("{name}")`: see [components](components.md#the-components).', ""]
            else:
                lines += [f"::: {place.strip().replace(':', '.')}", ""]
    for title, names in FUNCTIONS.items():
        lines += [f"## {title}", ""]
        for name in names:
            lines += [f"::: spacy_rnn_tagger.{name}", ""]
    return "\n".join(lines)
