"""RNN, LSTM and GRU taggers for spaCy: trained by PyTorch, served by arrays."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("spacy-rnn-tagger")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"
