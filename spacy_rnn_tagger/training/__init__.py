"""Registered functions for `[corpora]` and `[training]`."""
