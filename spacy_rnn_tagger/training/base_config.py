"""The two recipes of configs/ without what the data decide: rnn_tagger_accuracy.cfg and rnn_tagger_efficiency.cfg."""

from typing import Any, Dict

from thinc.api import Config

from .recipe import ACCURACY, EFFICIENCY

WIDTHS = {ACCURACY: (128, 128), EFFICIENCY: (96, 64)}
"""The width of lexeme vectors, and that of one direction of the recurrent layer."""

SHARED = """
[paths]
train = null
dev = null
vectors = null
init_tok2vec = null
log = null

[system]
gpu_allocator = null
seed = 0

[nlp]
lang = null
pipeline = []
batch_size = 1000

[corpora]

[corpora.train]
@readers = "spacy-rnn-tagger.corpus.v1"
path = ${paths.train}
gold_preproc = false
max_length = 0
limit = 0
augmenter = null

[corpora.dev]
@readers = "spacy-rnn-tagger.corpus.v1"
path = ${paths.dev}
gold_preproc = false
max_length = 0
limit = 0
augmenter = null

[training]
seed = ${system.seed}
gpu_allocator = ${system.gpu_allocator}
dropout = 0.4
max_epochs = 0

[training.batcher]
@batchers = "spacy.batch_by_words.v1"
tolerance = 0.2
discard_oversize = false
get_length = null

[training.logger]
@loggers = "spacy-rnn-tagger.report_logger.v1"
output_file = ${paths.log}
console_output = true
progress_bar = true
watch_optimizer = true
also = null

[training.optimizer]
@optimizers = "Adam.v1"
beta1 = 0.9
beta2 = 0.999
L2_is_weight_decay = true
L2 = 0.01
grad_clip = 1.0
use_averages = true
eps = 0.00000001

[training.optimizer.learn_rate]
@schedules = "spacy-rnn-tagger.warmup_linear.v1"
start = 0.1
initial_rate = 0.004

[initialize]
vectors = ${paths.vectors}
init_tok2vec = ${paths.init_tok2vec}

[initialize.before_init]
@callbacks = "spacy-rnn-tagger.learn_vocabulary.v1"

[components]

[components.tok2vec]
factory = "tok2vec"

[components.tok2vec.model]
@architectures = "spacy-rnn-tagger.RNNTok2Vec.v1"
storage = null
cache_mb = 128

[components.tok2vec.model.embed]
@architectures = "spacy-rnn-tagger.LexemeEmbed.v1"
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
rows = [5000, 1000, 2500, 2500]
chars = null

[components.tok2vec.model.encode]
@architectures = "spacy-rnn-tagger.RNNEncoder.v1"
width = ${components.tok2vec.model.embed.width}
depth = 1
cell = "lstm"
bidirectional = true
dropout = 0.0
boundaries = false
bptt_steps = 0
engine = "auto"
"""

CHARS = {
    "@architectures": "spacy-rnn-tagger.CharRNN.v1",
    "width": 64,
    "char_width": 32,
    "rows": 1000,
    "cell": "lstm",
    "max_chars": 24,
    "engine": "auto",
}

TUNE_LABEL_BIAS = {"@callbacks": "spacy-rnn-tagger.tune_label_bias.v1", "high": 4.0, "steps": 9}

LANGUAGE_MODEL = {
    "@architectures": "spacy-rnn-tagger.LanguageModel.v1",
    "width": 64,
    "max_size": 5000,
    "attr": "LOWER",
    "min_freq": 2,
    "storage": None,
}


def base_config(optimize: str) -> Config:
    """A training config without components that predict, not interpolated.

    optimize (str): "accuracy" or "efficiency".
    RETURNS (Config): The config.
    """
    config = Config().from_str(SHARED, interpolate=False)
    model = config["components"]["tok2vec"]["model"]
    model["embed"]["width"], model["encode"]["hidden_width"] = WIDTHS[optimize]
    if optimize == ACCURACY:
        model["embed"]["chars"] = dict(CHARS)
    return config


def tagger_model(optimize: str) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): The config of a token scorer that listens to the shared component. optimize (str):
    "accuracy" or "efficiency"."""
    architecture = "spacy-rnn-tagger.RNNTagger.v1"
    return {"@architectures": architecture, "nO": None, "storage": None, "tok2vec": _listener(optimize)}


def language_model(optimize: str) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): The config of a language model that listens to the shared component. optimize (str):
    "accuracy" or "efficiency"."""
    return {**LANGUAGE_MODEL, "tok2vec": _listener(optimize)}


def _listener(optimize: str) -> Dict[str, Any]:
    _, hidden_width = WIDTHS[optimize]
    return {"@architectures": "spacy.Tok2VecListener.v1", "width": 2 * hidden_width, "upstream": "tok2vec"}
