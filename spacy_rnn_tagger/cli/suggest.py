"""`python -m spacy rnn suggest`: which texts to annotate next."""

from pathlib import Path
from typing import Annotated, List, Optional

from spacy.cli._util import Arg, Opt
from spacy.language import Language

from ..data.building import META
from ..data.formats import FORMATS
from ..data.reading import Writing
from ..data.recognizing import has_format
from ..data.texts import read_texts
from ..errors import unknown_name
from ..evaluation.components import get_tagger
from ..evaluation.suggestions import DIVERSE, STRATEGIES, Suggestion, Suggestions, suggest
from ..pipeline.safe_output import OutputKind
from ..pipeline.stored_scores import register_extensions
from ..pipeline.targets.ents import EntsTarget
from .app import rnn_cli
from .places import running
from .shared import ComponentOpt, ForceOpt, JsonOpt, ModelArg, load_pipeline, show_progress, tell_next

SHOWN = 10
"""Texts that are printed."""
ONE_FILE = [name for name in FORMATS if name != "brat"]


@rnn_cli.command("suggest")
def suggest_cli(
    model: ModelArg,
    texts: Annotated[
        List[Path], Arg(help=".txt files with a text a line, or files of any format of `rnn convert`", exists=True)
    ],
    output: Annotated[Path, Opt("--output", "-o", help="File to write: the chosen texts, annotated by the pipeline")],
    n: Annotated[int, Opt("--n", "-n", help="How many texts to choose", min=1)] = 100,
    n_tokens: Annotated[
        int, Opt("--tokens", help="Choose texts of so many tokens together, instead of a number of texts", min=0)
    ] = 0,
    strategy: Annotated[str, Opt("--strategy", "-s", help=f"How to choose: {', '.join(STRATEGIES)}")] = DIVERSE,
    component: ComponentOpt = None,
    to_format: Annotated[
        Optional[str],
        Opt("--to", "-t", help="Format to write, as `rnn convert` names it; else prodigy for entities, spacy-json"),
    ] = None,
    seed: Annotated[int, Opt("--seed", help="Decides what the strategy random takes")] = 0,
    json_path: JsonOpt = None,
    force: ForceOpt = False,
) -> None:
    """
    Choose the texts that are worth annotating next: those whose likeliest annotation is least likely, by the exact
    probability of the whole of it, and that are not alike. They are written with what the pipeline finds in them, and
    how likely it is, to be corrected.

    Example: python -m spacy rnn suggest training/model-best texts.txt -o next.jsonl --n 100
    """
    with running("rnn suggest", model, force=force, inputs=texts) as places:
        if to_format is not None and to_format not in ONE_FILE:
            raise unknown_name("rnn suggest", "--to", to_format, ONE_FILE)
        saved = places.add_file(output, OutputKind("file of texts", False, _objection), "--output")
        places.add_json(json_path)
        nlp = load_pipeline(model)
        docs = list(read_texts(texts, nlp.make_doc, nlp.vocab))
        done, chosen = suggest(
            nlp,
            docs,
            n=n,
            n_tokens=n_tokens,
            strategy=strategy,
            component=component,
            seed=seed,
            progress=show_progress,
        )
        for doc, each in zip(chosen, done.chosen):
            doc.user_data[META] = {**doc.user_data.get(META, {}), "uncertainty": round(each.uncertainty, 6)}
        name = to_format or default_format(nlp, done.components)
        writing = {"spans_key": None, "register_scores": register_extensions}
        saved.write(lambda path: FORMATS[name].write(chosen, Writing(path, **writing)))  # type: ignore[arg-type]
        print(format_suggestions(done))
        places.write_json(done)
        tell_next(
            f"Correct {output}, then read it back: python -m spacy rnn convert {output} corrected.spacy",
            "Train on it too, and suggest again: python -m spacy train config.cfg --output training",
        )


def default_format(nlp: Language, components: List[str]) -> str:
    """The format that holds what the pipeline finds.

    nlp (Language): The pipeline.
    components (List[str]): The components whose annotation matters.
    RETURNS (str): One of `FORMATS`.
    """
    only_entities = all(isinstance(get_tagger(nlp, name).target, EntsTarget) for name in components)
    return "prodigy" if only_entities else "spacy-json"


def format_suggestions(done: Suggestions) -> str:
    """RETURNS (str): What was chosen, and the first texts. done (Suggestions): The texts."""
    tokens = sum(each.n_tokens for each in done.chosen)
    mean = sum(each.uncertainty * each.n_tokens for each in done.chosen) / max(1, tokens)
    lines = [
        f"{len(done.chosen):,} of {done.n_texts:,} texts, {tokens:,} of {done.n_tokens:,} tokens, by {done.strategy}",
        f"uncertainty per token: {mean:.3f} nats in those chosen, {done.mean_uncertainty:.3f} on average",
    ]
    return "\n".join([*lines, *map(_line, done.chosen[:SHOWN])])


def _line(each: Suggestion) -> str:
    text = " ".join(each.text.split())
    return f"  {each.uncertainty:.3f}  {text[:90]}{'...' if len(text) > 90 else ''}"


def _objection(path: Path) -> Optional[str]:
    known = any(has_format(path, name) for name in ("prodigy", "spacy-json", "spacy"))
    return None if known else "is no file of annotated texts"
