"""Measure speed and memory beside spaCy's own components: the same texts, the same labels and training data, in one
run.

    python -m benchmarks.speed --model ewt=training/ewt/model-best --model wnut17=training/wnut17/model-best

In each round all variants are timed once. Tables show the median of tokens per second, and the median of the ratio
within a round. Times are processor time with one thread, unless the table says that they are by the clock.
"""

import sys
from typing import List, Optional

from .command import run_sections
from .registry import SECTIONS


def main(argv: Optional[List[str]] = None) -> int:
    return run_sections("benchmarks.speed", __doc__, list(SECTIONS), argv)


if __name__ == "__main__":
    sys.exit(main())
