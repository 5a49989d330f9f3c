"""How long work still takes, told while it goes on."""

from typing import Any, Callable, Iterable

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]
"""Passes on items, given their number and what is done with them, and may show how many have passed."""


def no_progress(items: Iterable[Any], total: int, title: str) -> Iterable[Any]:
    """Show nothing.

    items (Iterable[Any]): The items.
    total (int): Their number.
    title (str): What is done with them.
    RETURNS (Iterable[Any]): The items.
    """
    return items
