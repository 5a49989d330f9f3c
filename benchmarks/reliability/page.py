"""The table of all attacks."""

from typing import Any, Dict, Sequence

from ..speed.machine import describe_machine
from .attack import OURS, PEERS, Attack

HEAD = """# Reliability

What must never happen, tried many times: `python -m spacy project run reliability` makes this page again, in about
twenty minutes on two cores (`python -m benchmarks.reliability --size 10` for ten times as much, `--part files` for one
part). Each cell is failures of tries; – where there is nothing to compare. The peers are spaCy's `tagger` and `ner`
with spaCy's own encoder, and the same with PyTorch's LSTM by `spacy.TorchBiLSTMEncoder.v1`, trained alike on the
bundled corpus.
"""


def page(attacks: Sequence[Attack], record: Dict[str, Any]) -> str:
    """RETURNS (str): The page. attacks (Sequence[Attack]): What was tried. record (Dict[str, Any]): Size, seconds and
    machine."""
    lines = [HEAD]
    part = ""
    for attack in attacks:
        if attack.part != part:
            part = attack.part
            lines += [f"## {part}", "", _row("attack", "what must come of it", OURS, *PEERS)]
            lines.append("| --- | --- | ---: | ---: | ---: |")
        lines.append(_row(attack.name, attack.demand, *(_cell(attack, who) for who in (OURS, *PEERS))))
        if attacks.index(attack) + 1 == len(attacks) or attacks[attacks.index(attack) + 1].part != part:
            lines.append("")
    failures = [(attack, count) for attack in attacks for who, count in attack.counts.items() if who == OURS]
    n = sum(count.failures for _, count in failures)
    tries = sum(count.tries for _, count in failures)
    lines += [f"Together {n:,} failures of {tries:,} tries in our column. {record['machine']}", ""]
    shown = [f"* {attack.name}: {what}" for attack, count in failures for what in count.first]
    return "\n".join([*lines, *(["## What failed", "", *shown, ""] if shown else [])])


def machine() -> str:
    """RETURNS (str): What the attacks ran on, in a sentence."""
    found = describe_machine()
    return f"Processor: {found['processor']}; Python {found['python']}, spaCy {found['spacy']}, NumPy {found['numpy']}."


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(attack: Attack, who: str) -> str:
    count = attack.counts.get(who)
    return "–" if count is None or not count.tries else f"{count.failures:,} of {count.tries:,}"
