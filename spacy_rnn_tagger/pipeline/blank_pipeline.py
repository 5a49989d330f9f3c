"""Pipelines without components, for data whose language is known by its code."""

import pkgutil
from typing import Optional

import spacy
import spacy.lang
from spacy.language import Language

from ..errors import nearest

TOKENIZER_PACKAGES = {
    "ja": "pip install sudachipy sudachidict_core",
    "ko": "pip install natto-py, and install mecab-ko with its dictionary mecab-ko-dic",
    "th": "pip install pythainlp",
    "vi": "pip install pyvi",
    "zh": "pip install jieba for the segmenter jieba, or pip install spacy-pkuseg for pkuseg",
}
"""How to install what the tokenizer of a language needs."""


def blank_pipeline(lang: str, vectors: Optional[str] = None) -> Language:
    """A pipeline that only tokenizes.

    lang (str): The code of a language of spaCy, such as "en", or "xx" for any.
    vectors (Optional[str]): Pipeline with static vectors, installed or in a directory; None for no vectors. Its
        `[nlp.vectors]` become those of the pipeline's config.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): If there is no such language, its tokenizer needs a package that is missing, or there are no
        such vectors.
    """
    try:
        nlp = spacy.blank(lang)
    except ImportError as e:
        raise _language_error(lang, e) from e
    if vectors is not None:
        try:
            other = spacy.load(vectors)
        except (OSError, ValueError) as e:
            first = str(e).strip().splitlines()[0]
            raise ValueError(
                f"vectors = {vectors!r} cannot be loaded; name an installed pipeline that has vectors, such as "
                f"'en_core_web_md', or a directory as `python -m spacy init vectors` writes it. ({first})"
            ) from e
        if not other.vocab.vectors.shape[0]:
            raise ValueError(f"vectors = {vectors!r} is a pipeline without static vectors; name one that has some.")
        nlp.config["nlp"]["vectors"] = other.config["nlp"]["vectors"]
        nlp.vocab.vectors = other.vocab.vectors
    return nlp


def _language_error(lang: str, error: ImportError) -> ValueError:
    known = [module.name for module in pkgutil.iter_modules(spacy.lang.__path__) if module.ispkg]
    if lang in TOKENIZER_PACKAGES:
        return ValueError(
            f"lang = {lang!r}: the tokenizer of this language needs a package that is missing; install it: "
            f"{TOKENIZER_PACKAGES[lang]}."
        )
    if lang in known:
        first = str(error).strip().splitlines()[0]
        return ValueError(f"lang = {lang!r}: a package that this language needs is missing. ({first})")
    return ValueError(
        f"lang = {lang!r} is no language of spaCy; allowed: {', '.join(known)}; 'xx' is for all others."
        + nearest(lang, known)
    )
