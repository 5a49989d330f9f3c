"""How long training takes: steps as `spacy train` takes them, in turns, by processor time, and what an epoch takes at
that rate.

python -m benchmarks.speed.training
"""

import sys
from typing import List, Optional

from .command import run_sections


def main(argv: Optional[List[str]] = None) -> int:
    return run_sections("benchmarks.speed.training", __doc__, ["training"], argv)


if __name__ == "__main__":
    sys.exit(main())
