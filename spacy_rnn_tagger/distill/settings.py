"""What decides the student that comes of a distillation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from ..chain.temperature import COLDEST, HOTTEST
from ..errors import check_positive, check_probability, is_number, unknown_name

WHERE = "rnn distill"
COMBINATIONS = ("average", "vote", "agreement")
"""How the answers of several teachers become one."""


@dataclass(frozen=True)
class Workers:
    """Who does the work; it changes nothing of what comes of it.

    processes: How many processes ask the teachers; 0 for as many as there are cores.
    gpu: The number of the GPU; -1 for the CPU.
    code: Python file with functions that pipelines need.
    """

    processes: int = 0
    gpu: int = -1
    code: Optional[Path] = None


@dataclass(frozen=True)
class DistillSettings:
    """Settings of a distillation.

    answers: How many of the likeliest tags of each token are kept.
    combine: How several teachers' answers become one: "average" of their probabilities, a label without probability
        counting as sure; majority "vote"; "agreement", by how reliable each teacher's labels prove (see
        `combine.agree`).
    weight: The share `a` of the teacher in the loss of raw text, `a T^2 KL + (1 - a) NLL`.
    temperature: The temperature `T`.
    min_confidence: The least probability of a token's likeliest tag for the token to count.
    gold_share: The share of gold docs in all tokens of training, if there are any.
    gold_steps: How many steps the student trains on gold alone at the end; 0 for none.
    gold_rate: The learn rate that these begin with.
    leave_out: Whether raw texts with a sentence of the development or test data are left out; else they are refused.
    baseline: Whether the same config is also trained on gold alone, to see what raw text is worth.
    shard_tokens: About how many tokens a shard of answers has.
    """

    answers: int = 8
    combine: str = "average"
    weight: float = 0.9
    temperature: float = 2.0
    min_confidence: float = 0.0
    gold_share: float = 0.2
    gold_steps: int = 0
    gold_rate: float = 0.0005
    leave_out: bool = False
    baseline: bool = True
    shard_tokens: int = 50_000

    def check(self) -> None:
        """Refuse settings that are not allowed. RAISES (ValueError): On the first."""
        check_positive(WHERE, answers=self.answers, shard_tokens=self.shard_tokens)
        check_probability(WHERE, weight=self.weight, min_confidence=self.min_confidence, gold_share=self.gold_share)
        if self.gold_share >= 1:
            raise ValueError(f"{WHERE}: gold_share = {self.gold_share} leaves no room for raw text; give less than 1.")
        if self.combine not in COMBINATIONS:
            raise unknown_name(WHERE, "combine", self.combine, COMBINATIONS)
        if not is_number(self.temperature) or not COLDEST <= self.temperature <= HOTTEST:
            raise ValueError(
                f"{WHERE}: temperature = {self.temperature!r} is not allowed; it must be a number from {COLDEST} to "
                f"{HOTTEST:g}."
            )
        if self.gold_steps:
            check_positive(WHERE, gold_steps=self.gold_steps)
        if not is_number(self.gold_rate) or self.gold_rate <= 0:
            raise ValueError(f"{WHERE}: gold_rate = {self.gold_rate!r} is not allowed; it must be above 0.")
