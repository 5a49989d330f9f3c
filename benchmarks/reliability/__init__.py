"""Attacks on our components and on those of others: what must never happen, tried many times."""
