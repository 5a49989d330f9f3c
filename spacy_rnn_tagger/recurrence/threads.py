"""One thread for matrix products while a layer runs.

The products of a step are small. Shared among threads they take a little less time on a free machine, and many times as
much where another process needs a core, as the threads wait for each other at every step. A machine's cores are better
used by processes or by threads that each have texts of their own.
"""

import threading
from contextlib import ContextDecorator, contextmanager
from functools import cache
from typing import Any, Iterator, List, Tuple

from threadpoolctl import ThreadpoolController


@cache
def _libraries() -> List[Any]:
    """The libraries that NumPy multiplies matrices by."""
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


def _set_threads(library: Any, n_threads: int) -> None:
    library.set_num_threads(n_threads)
    # Since threadpoolctl 3.8, the first thread that sets a number is the only one that can, until it says that it has
    # done.
    if hasattr(library, "clear_controlling_thread"):
        library.clear_controlling_thread()


class _OneThread(threading.local, ContextDecorator):
    """Entered, NumPy's products have one thread; left by the thread that entered, as many as before.

    To some libraries, the number is one of the thread that sets it, to others one of the process. So each thread
    restores what it has found, and one that found 1 has nothing to restore.
    """

    def __init__(self) -> None:
        self._n_inside = 0
        self._before: List[Tuple[Any, int]] = []

    def __enter__(self) -> "_OneThread":
        if not self._n_inside:
            counts = [(library, library.get_num_threads()) for library in _libraries()]
            self._before = [(library, n) for library, n in counts if n is not None and n > 1]
            for library, _ in self._before:
                _set_threads(library, 1)
        self._n_inside += 1
        return self

    def __exit__(self, *error: Any) -> None:
        self._n_inside -= 1
        if not self._n_inside:
            for library, n_threads in self._before:
                _set_threads(library, n_threads)


one_thread = _OneThread()


@contextmanager
def one_thread_of_torch(torch: Any) -> Iterator[None]:
    """One thread for PyTorch's products, whose number of threads is one of the thread that sets it. `torch` is the
    module."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
