"""How much memory this process has of its own, in MB (of a million bytes)."""

import ctypes
import gc
import resource
import sys
from pathlib import Path

PROC = Path("/proc/self")


class NoReading(RuntimeError):
    """This machine does not say how much memory a process has."""


def resident_mb() -> float:
    """What is in memory now.

    RAISES (NoReading): If neither /proc nor psutil is there.
    """
    statm = PROC / "statm"
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 1e6
    try:
        import psutil
    except ImportError:
        raise NoReading(
            "this system has no /proc, so reading the memory of a process needs psutil: pip install psutil"
        ) from None
    return float(psutil.Process().memory_info().rss) / 1e6


def settled_mb() -> float:
    """What is in memory when everything that is free has been given back: the C library keeps free memory for later,
    more or less of it after every batch.

    RAISES (NoReading): As `resident_mb`.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(0)
    return resident_mb()


def peak_mb() -> float:
    """The most that ever was. On Linux, `getrusage` also counts what the parent had when it started this process."""
    status = PROC / "status"
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
