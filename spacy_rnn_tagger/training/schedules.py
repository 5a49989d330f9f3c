"""Learning rates over the steps of a training."""

from typing import Iterator

from ..errors import check_positive, is_number


def make_warmup_linear(initial_rate: float, warmup_steps: int, total_steps: int, start: float = 0.1) -> Iterator[float]:
    """`warmup_linear.v1` of Thinc that does not begin at 0: the rate rises in a straight line to `initial_rate`, and
    falls in another to 0 at the last step. Outside of `spacy train`, in `Language.resume_training` followed by
    `Language.update`, nothing moves a schedule on from its first rate, with which all is learned then.

    initial_rate (float): The highest rate.
    warmup_steps (int): The step at which it is reached.
    total_steps (int): The step from which on the rate is 0.
    start (float): The first rate, as a share of the highest; above 0.
    YIELDS (float): The rate of each step, without end.
    RAISES (ValueError): If a setting is out of range.
    """
    where = "spacy-rnn-tagger.warmup_linear.v1"
    check_positive(where, warmup_steps=warmup_steps, total_steps=total_steps)
    for setting, value, largest in (("initial_rate", initial_rate, float("inf")), ("start", start, 1.0)):
        if not is_number(value) or not 0 < value <= largest:
            raise ValueError(
                f"{where}: {setting} = {value!r} is not allowed; it must be a number above 0, at most {largest}."
            )
    if total_steps <= warmup_steps:
        raise ValueError(
            f"{where}: total_steps = {total_steps} is not allowed; it must be more than warmup_steps = {warmup_steps}."
        )
    return _rates(initial_rate, warmup_steps, total_steps, start)


def _rates(initial_rate: float, warmup_steps: int, total_steps: int, start: float) -> Iterator[float]:
    step = 0
    while True:
        rising = start + (1 - start) * step / warmup_steps
        falling = max(0.0, (total_steps - step) / (total_steps - warmup_steps))
        yield initial_rate * min(rising, falling)
        step += 1
