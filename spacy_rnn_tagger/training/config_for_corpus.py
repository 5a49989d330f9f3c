"""A training config for a corpus: a component for each annotated layer, settings by the size of the data, and the
reason for each choice as a comment."""

import textwrap
from dataclasses import dataclass
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import load_model_from_config
from thinc.api import Config

from ..errors import unknown_name
from ..evaluation.corpus_counts import CorpusCounter, PartCounts
from .base_config import TUNE_LABEL_BIAS, base_config, language_model, tagger_model
from .layers import Layer, choose_layers
from .name_lists import REGISTERED as NAME_LISTS
from .name_lists import read_name_lists
from .recipe import ACCURACY, EFFICIENCY, FEWEST_STEPS, Recipe, choose_recipe

RULER, NAME_ROWS = "entity_ruler", 200
Place = Tuple[str, str]
"""A section and a key of a config."""
TOKENIZERS = {
    "zh": 'A token is a character; for words, segmenter = "jieba" needs jieba, and "pkuseg" spacy-pkuseg and a model.'
}
"""What there is to choose in the tokenizer of a language."""


@dataclass(frozen=True)
class TrainingConfig:
    """A training config and what was chosen for it.

    text (str): The config file, with comments.
    recipe (Recipe): The settings chosen by the size of the data.
    layers (List[Layer]): The components that predict, in order.
    left_out (Dict[str, str]): Annotated targets without a component, and why.
    train (PartCounts): What the training data hold.
    dev (PartCounts): What the development data hold.
    """

    text: str
    recipe: Recipe
    layers: List[Layer]
    left_out: Dict[str, str]
    train: PartCounts
    dev: PartCounts


def config_for_corpus(
    nlp: Language,
    parts: Mapping[str, Iterable[Doc]],
    *,
    vectors: Optional[str] = None,
    names: Optional[str] = None,
    optimize: str = ACCURACY,
    targets: Optional[Sequence[str]] = None,
) -> TrainingConfig:
    """Make a config by which `spacy train` trains on a corpus without any change.

    nlp (Language): A pipeline of the language, such as `spacy.blank("en")`.
    parts (Mapping[str, Iterable[Doc]]): The gold docs to train on, then those to develop on, by the paths of their
        files.
    vectors (Optional[str]): The pipeline with static vectors to use, which `nlp` holds; None for no vectors.
    names (Optional[str]): A file or folder with lists of names, for `read_name_lists`: what an entity ruler finds of
        them is read as features of the tokens.
    optimize (str): "accuracy" or "efficiency".
    targets (Optional[Sequence[str]]): The targets to predict, or the factories that predict them; all that are
        annotated and need no code if None.
    RETURNS (TrainingConfig): The config.
    RAISES (ValueError): If there is nothing to learn, nothing to choose the best model by, or names are given and there
        are no entities to learn.
    """
    if optimize not in (ACCURACY, EFFICIENCY):
        raise unknown_name("config_for_corpus", "optimize", optimize, (ACCURACY, EFFICIENCY))
    if len(parts) != 2:
        raise ValueError(
            f"config_for_corpus: {len(parts)} parts of a corpus are given ({', '.join(parts)}); give the docs to train "
            "on and those to develop on, from two different files."
        )
    counter = CorpusCounter(nlp)
    try:
        train, dev = [counter.count(name, docs) for name, docs in parts.items()]
    finally:
        counter.close()
    for part in (train, dev):
        if not part.n_tokens:
            raise ValueError(f"The data in {part.name!r} have no tokens ({part.n_docs} docs).")
    layers, left_out = choose_layers(counter.targets, train, dev, targets)
    n_labels = sum(layer.n_labels for layer in layers)
    recipe = choose_recipe(train.n_docs, train.n_sentences, train.n_tokens, n_labels, optimize=optimize)
    config = _make_config(nlp, train.name, dev.name, vectors, layers, recipe)
    comments = _comments(recipe, layers, left_out, train, dev, vectors, nlp.lang)
    if names is not None:
        comments.update(_add_names(config, names, layers))
    config = _fill(nlp, config)
    return TrainingConfig(add_comments(config, comments), recipe, layers, left_out, train, dev)


def _make_config(
    nlp: Language, train: str, dev: str, vectors: Optional[str], layers: Sequence[Layer], recipe: Recipe
) -> Config:
    config = base_config(recipe.optimize)
    config["paths"].update({"train": train, "dev": dev, "vectors": vectors})
    components = config["components"]
    for layer in layers:
        components[layer.component] = {
            "factory": layer.factory,
            **layer.settings,
            "model": tagger_model(recipe.optimize),
        }
    if recipe.language_model:
        components["rnn_language_model"] = {
            "factory": "rnn_language_model",
            "weight": 0.1,
            "model": language_model(recipe.optimize),
        }
    config["nlp"].update({"lang": nlp.lang, "pipeline": list(components)})
    if vectors is not None:
        config["nlp"]["vectors"] = dict(nlp.config["nlp"]["vectors"])
    embed = components["tok2vec"]["model"]["embed"]
    embed["include_static_vectors"] = vectors is not None
    embed.update({"word_dropout": recipe.word_dropout, "min_freq": recipe.min_freq})
    training = config["training"]
    training["max_steps"], training["patience"] = recipe.max_steps, recipe.patience
    training["eval_frequency"] = recipe.eval_frequency
    training["batcher"]["size"] = recipe.batch_words
    rates = {"warmup_steps": recipe.warmup_steps, "total_steps": recipe.max_steps}
    training["optimizer"]["learn_rate"].update(rates)
    training["score_weights"] = {key: weight for layer in layers for key, weight in layer.score_weights.items()}
    if any(layer.is_spans for layer in layers):
        training["before_to_disk"] = dict(TUNE_LABEL_BIAS)
    return config


def _add_names(config: Config, names: str, layers: Sequence[Layer]) -> Dict[Place, str]:
    """Put an entity ruler before the encoder, which reads what it finds, and let the recogniser decide.

    RETURNS (Dict[Place, str]): Comments.
    """
    recognisers = [layer.component for layer in layers if layer.target == "ents"]
    if not recognisers:
        raise ValueError(
            f"names = {names!r} would be marked as entities, but no component is to learn entities, which would decide "
            "about them; leave names out, or annotate entities."
        )
    n_names = len(read_name_lists(names))
    config["nlp"]["pipeline"].insert(0, RULER)
    config["components"][RULER] = {"factory": RULER, "phrase_matcher_attr": "LOWER"}
    config["initialize"]["components"] = {RULER: {"patterns": {"@readers": NAME_LISTS, "path": names}}}
    config["training"]["annotating_components"] = [RULER]
    embed = config["components"]["tok2vec"]["model"]["embed"]
    embed["attrs"], embed["rows"] = [*embed["attrs"], "ENT_TYPE", "ENT_IOB"], [*embed["rows"], NAME_ROWS, NAME_ROWS]
    for component in recognisers:
        config["components"][component]["overwrite"] = True
    return {
        (f"components.{RULER}", ""): (
            f"It marks the {n_names:,} names of the lists, in upper or lower case; tok2vec reads its marks (ENT_TYPE, "
            f"ENT_IOB), and {recognisers[0]} decides what is an entity."
        )
    }


def _fill(nlp: Language, config: Config) -> Config:
    """Have spaCy check the config and add all defaults."""
    vectors = config["paths"]["vectors"]
    config["paths"]["vectors"] = None  # the pipeline need not read them to be filled
    filled = load_model_from_config(config, auto_fill=True).config
    filled["paths"]["vectors"] = vectors
    # Defaults of spaCy for all scores of a factory, which the chosen weights replace.
    filled["training"]["score_weights"] = dict(config["training"]["score_weights"])
    return filled


def _comments(
    recipe: Recipe,
    layers: Sequence[Layer],
    left_out: Mapping[str, str],
    train: PartCounts,
    dev: PartCounts,
    vectors: Optional[str],
    lang: Optional[str],
) -> Dict[Place, str]:
    """The reason for each choice, by the section and key that it stands before; a section alone has the key ""."""
    size = f"{train.n_sentences:,} sentences"
    found: Dict[Place, str] = {
        ("paths", "train"): f"{train.n_docs:,} docs, {size}, {train.n_tokens:,} tokens.",
        ("paths", "dev"): f"{dev.n_docs:,} docs, {dev.n_sentences:,} sentences, {dev.n_tokens:,} tokens.",
        ("nlp", "pipeline"): _about_pipeline(recipe, left_out, size),
        ("training", "max_steps"): (
            f"For {recipe.optimize} on {train.n_tokens:,} tokens: in proportion to their square root, at least "
            f"{FEWEST_STEPS}, and two for each of {sum(layer.n_labels for layer in layers):,} labels."
        ),
        ("training", "eval_frequency"): f"{recipe.max_steps // recipe.eval_frequency} evaluations in all.",
        ("training", "patience"): (
            f"Training ends after {recipe.patience / recipe.eval_frequency:.0f} evaluations without a better score."
        ),
        ("training.batcher", "size"): (
            f"In tokens: for {train.n_tokens:,} in {train.n_docs:,} docs, at least 20 batches or four docs in each."
        ),
        ("training.optimizer.learn_rate", "warmup_steps"): "100, or a tenth of all steps if that is less.",
        ("training.optimizer.learn_rate", "total_steps"): "The rate falls to 0 at max_steps: change both together.",
        ("training.score_weights", ""): (
            "What the best model is chosen by: entities and spans count twice as much as labels of tokens; null counts "
            "for nothing."
        ),
        ("components.tok2vec.model.embed", "min_freq"): (
            f"In {size}, words that occur once share a vector, from which unknown words learn theirs."
            if recipe.min_freq > 1
            else f"In {size}, nearly all words occur once, so each has its own vector, and some are hidden in training."
        ),
    }
    if vectors is not None:
        covered = f"{100 * train.with_vector / train.n_tokens:.1f} % of the training tokens have a static vector."
        found["paths", "vectors"] = covered
    if lang in TOKENIZERS:
        found["nlp.tokenizer", ""] = TOKENIZERS[lang]
    for layer in layers:
        found[f"components.{layer.component}", ""] = layer.reason
    return found


def _about_pipeline(recipe: Recipe, left_out: Mapping[str, str], size: str) -> str:
    lines = ["One component for each annotated layer, all on one shared tok2vec."]
    if recipe.language_model:
        lines.append(
            f"The language model makes the shared layer better, which pays for {size}; it only costs training time."
        )
    lines += [f"Left out: {target}, since {reason}." for target, reason in left_out.items()]
    return "\n".join(lines)


def add_comments(config: Config, comments: Mapping[Place, str]) -> str:
    """A config as the text of a file with comments.

    config (Config): The config.
    comments (Mapping[Place, str]): What to say, by the section and key to say it before.
    RETURNS (str): The text.
    """
    section, lines = "", []
    for line in config.to_str(interpolate=False).splitlines():
        key: Optional[str] = None
        if line.startswith("[") and line.endswith("]"):
            section, key = line[1:-1], ""
        elif " = " in line:
            key = line.split(" = ")[0]
        lines += _as_comment(comments.get((section, key), "") if key is not None else "")
        lines.append(line)
    return "\n".join(lines) + "\n"


def _as_comment(text: str) -> List[str]:
    rows = [row for line in text.splitlines() for row in textwrap.wrap(line, 110, break_long_words=False)]
    return [f"# {row}" for row in rows]
