"""Whether memory stays flat: docs of random lengths through `nlp.pipe`, and what is in memory after the first and after
all.

    python -m benchmarks.speed.soak --model ewt=training/ewt/model-best

Once plainly, over the words of the texts; and once inside `nlp.memory_zone`, a zone for every thousand docs, with a
share of words that were never there before.
"""

import sys
from typing import List, Optional

from .command import run_sections


def main(argv: Optional[List[str]] = None) -> int:
    return run_sections("benchmarks.speed.soak", __doc__, ["soak"], argv)


if __name__ == "__main__":
    sys.exit(main())
