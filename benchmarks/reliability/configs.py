"""Configs of components with one value that is not what it should be: trained as written, or one sentence that says
where."""

import copy
import random
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import numpy as np
import spacy
from confection import ConfigValidationError
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from thinc.api import Config

from .attack import OURS, PEERS, Attack, Count, quiet
from .subjects import ROOT, TORCH_LSTM, gold

PART = "Configs"
ODD: Tuple[Any, ...] = (None, -1, 0, 1.5, "x", "", [], {}, [1, -2], True, float("nan"), 1e30, "lstmm", "NORN", [None])
Place = Tuple[str, ...]


def attacks(size: float) -> Iterator[Attack]:
    """YIELDS (Attack): The attacks of this part. size (float): How much is tried; 1 for a few minutes."""
    attack = Attack(PART, "one odd value, a missing or an unknown setting", "trained, or one sentence that names it")
    with tempfile.TemporaryDirectory() as folder, quiet():
        data = Path(folder) / "gold.spacy"
        DocBin(docs=gold()[:10]).to_disk(data)
        for who, base in bases(str(data)).items():
            n = max(20, int(1000 * size)) if who == OURS else max(10, int(100 * size))
            rng = random.Random(0)
            for _ in range(n):
                changed, place, what = _mutate(base, rng)
                _judge(attack.count(who), changed, place, what)
    yield attack


def bases(data: str) -> Dict[str, Config]:
    """RETURNS (Dict[str, Config]): A config of ours, and those of others. data (str): What they train on."""
    ours = Config().from_disk(ROOT / "configs" / "rnn_tagger_smoke.cfg", interpolate=False)
    ours["paths"].update(train=data, dev=data)
    ours["training"]["logger"] = {"@loggers": "spacy.ConsoleLogger.v3", "progress_bar": None}
    bases = {OURS: ours}
    for who in PEERS:
        nlp = spacy.blank("en")
        for name in ("tagger", "ner"):
            nlp.add_pipe(name, config={} if who == PEERS[0] else {"model": {"tok2vec": TORCH_LSTM}})
        config = nlp.config.copy()
        config["paths"].update(train=data, dev=data)
        bases[who] = config
    return bases


def _places(config: Dict[str, Any], before: Place = ()) -> Iterator[Place]:
    """YIELDS (Tuple[str, ...]): The places of all settings of components."""
    for key, value in config.items():
        if isinstance(value, dict) and value:
            yield from _places(value, (*before, key))
        else:
            yield (*before, key)


def _mutate(base: Config, rng: random.Random) -> Tuple[Config, Place, str]:
    places = [("components", *place) for place in _places(base["components"])]
    place = rng.choice(places)
    config = Config(copy.deepcopy(dict(base)))
    section: Any = config
    for key in place[:-1]:
        section = section[key]
    kind = rng.random()
    if kind < 0.1:
        del section[place[-1]]
        return config, place, f"{'.'.join(place)} is missing"
    if kind < 0.2:
        section[place[-1] + "s"] = section.get(place[-1])
        return config, (*place[:-1], place[-1] + "s"), f"{'.'.join(place)}s is not known"
    # Names of registered functions that are no strings end in confection, before any function is asked.
    value = rng.choice([odd for odd in ODD if isinstance(odd, str) or place[-1][0] != "@"])
    section[place[-1]] = value
    return config, place, f"{'.'.join(place)} = {value!r}"


def _judge(count: Count, config: Config, place: Place, what: str) -> None:
    try:
        is_finite = _train(config)
    except (ValueError, ConfigValidationError, OSError) as e:
        said = f"{e} {getattr(e, 'desc', '')} {getattr(e, 'errors', '')}"
        count.add(_names(place, config, said), f"{what}: {type(e).__name__}: {e}")
    except SystemExit:
        count.add(False, f"{what}: exit")
    except Exception as e:
        count.add(False, f"{what}: {type(e).__name__}: {e}")
    else:
        count.add(is_finite, f"{what}: the weights or the losses are not finite")


def _names(place: Place, config: Config, said: str) -> bool:
    """Whether an error names the setting, the component, its section, or what is registered there."""
    section: Any = config
    names: List[str] = [place[-1].strip("@"), place[1]]
    for key in place[:-1]:
        section = section.get(key, {}) if isinstance(section, dict) else {}
        if isinstance(section, dict):
            names += [str(value) for name, value in section.items() if name.startswith("@") or name == "factory"]
    return any(name and name in said for name in names)


def _train(config: Config) -> bool:
    """RETURNS (bool): Whether all is finite after two steps. config (Config): The config."""
    nlp: Language = init_nlp(config)
    losses: Dict[str, float] = {}
    optimizer = nlp.create_optimizer()
    for _ in range(2):
        examples = [Example(nlp.make_doc(doc.text), doc) for doc in gold()[:10]]
        nlp.update(examples, sgd=optimizer, losses=losses)
    list(nlp.pipe([doc.text for doc in gold()[:4]]))
    layers = (node for _, pipe in nlp.pipeline for node in pipe.model.walk())  # type: ignore[attr-defined]
    weights = (node.get_param(name) for node in layers for name in node.param_names if node.has_param(name))
    return all(np.isfinite(loss) for loss in losses.values()) and all(np.isfinite(array).all() for array in weights)
