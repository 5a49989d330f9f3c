"""Thinc models and the registered architectures built from them."""
