"""Sentences for bad input: what was given, where, what is allowed, what was probably meant."""

import re
from difflib import get_close_matches
from math import isfinite
from typing import Any, Iterable


def nearest(given: Any, allowed: Iterable[str]) -> str:
    """A ` Did you mean 'x'?` clause, or an empty string if nothing is near."""
    matches = get_close_matches(str(given), list(allowed), n=1, cutoff=0.5)
    return f" Did you mean {matches[0]!r}?" if matches else ""


def unknown_name(where: str, setting: str, given: Any, allowed: Iterable[str]) -> ValueError:
    """The error for a value that is not one of a fixed set of names."""
    names = list(allowed)
    choice = ", ".join(repr(name) for name in names)
    return ValueError(f"{where}: {setting} = {given!r} is unknown; allowed: {choice}.{nearest(given, names)}")


def check_positive(where: str, **settings: int) -> None:
    """Refuse sizes that are not whole numbers of at least 1.

    where (str): The registered name or config section to report.
    **settings (int): The settings by name.
    RAISES (ValueError): On the first setting that is not a positive integer.
    """
    for setting, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{where}: {setting} = {value!r} is not allowed; it must be a whole number of at least 1.")


def check_rate(where: str, **settings: float) -> None:
    """Refuse rates outside [0, 1)."""
    for setting, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
            raise ValueError(
                f"{where}: {setting} = {value!r} is not allowed; it must be a rate of at least 0 and below 1."
            )


def check_probability(where: str, **settings: float) -> None:
    """Refuse what is not a number from 0 to 1."""
    for setting, value in settings.items():
        if not is_number(value) or not 0 <= value <= 1:
            raise ValueError(f"{where}: {setting} = {value!r} is not allowed; it must be a probability, from 0 to 1.")


def check_numbers(
    where: str, setting: str, given: Any, *, positive: bool = False, largest: float = float("inf")
) -> None:
    """Refuse what is not a finite number for each of some labels.

    where (str): The component to report.
    setting (str): The setting's name.
    given (Dict[str, float]): The numbers by label.
    positive (bool): Whether they have to be above 0.
    largest (float): The largest in size that is allowed.
    RAISES (ValueError): On the first that is not.
    """
    kind = "positive number" if positive else "number"
    if not isinstance(given, dict):
        raise ValueError(
            f"{where}: {setting} = {given!r} is not allowed; it must give a {kind} for each of some labels."
        )
    size = f", at most {largest:,.0f} in size" if isfinite(largest) else ""
    for label, value in given.items():
        if not is_number(value) or not isfinite(value) or abs(value) > largest or (positive and value <= 0):
            raise ValueError(
                f"{where}: {setting} of {label!r} = {value!r} is not allowed; it must be a finite {kind}{size}."
                + _cut_key(label, value)
            )


def _cut_key(label: Any, value: Any) -> str:
    """A clause for a label that a config file has cut in two: its parser ends a key at the first `:` or `=`."""
    found = re.fullmatch(r"(.+?)\s*=\s*[-+.\deE]+", value) if isinstance(value, str) else None
    if found is None:
        return ""
    return (
        " A key of a config file ends at the first ':' or '=', which belong to a label in percent-encoded form only: "
        f"write '{label}%3A{found[1]}' for {f'{label}:{found[1]}'!r}."
    )


def check_labels(where: str, setting: str, given: Iterable[str], allowed: Iterable[str]) -> None:
    """Refuse labels that there are not. RAISES (ValueError): On the first."""
    names = list(allowed)
    for label in given:
        if label not in names:
            some = ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")
            raise ValueError(
                f"{where}: {setting} names the label {label!r}, but the labels are {some}.{nearest(label, names)}"
            )


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
