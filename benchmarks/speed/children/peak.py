"""Load a pipeline and serve texts.

Its order: model (str), pipes (List[str]), hidden (Optional[str]) module, texts (List[str]), batch_size (int). Its
answer: MB after loading, and at most.
"""

from pathlib import Path

from ..processes import read_order, reply
from .hidden import Hidden


def main() -> None:
    order = read_order()
    Hidden(order["hidden"])
    from ..pipelines import load
    from ..resident import peak_mb, resident_mb

    nlp = load(Path(order["model"]), order["pipes"])
    loaded = resident_mb()
    for _ in nlp.pipe(order["texts"], batch_size=order["batch_size"]):
        pass
    reply({"loaded": loaded, "peak": peak_mb()})


if __name__ == "__main__":
    main()
