"""Import spaCy, load a pipeline, serve one text.

Its order: model (str), exclude (List[str]) components, hidden (Optional[str]) module, text (str). Its answer: seconds
of the import, of loading and of the first call, and how often the hidden module was asked for by the import and by the
rest.
"""

import time

from ..processes import read_order, reply
from .hidden import Hidden


def main() -> None:
    order = read_order()
    hidden = Hidden(order["hidden"])
    times = [time.perf_counter()]
    import spacy

    times.append(time.perf_counter())
    asked = hidden.asked
    nlp = spacy.load(order["model"], exclude=order["exclude"])
    times.append(time.perf_counter())
    nlp(order["text"])
    times.append(time.perf_counter())
    seconds = [end - start for start, end in zip(times, times[1:])]
    reply({"seconds": seconds, "asked": [asked, hidden.asked - asked]})


if __name__ == "__main__":
    main()
