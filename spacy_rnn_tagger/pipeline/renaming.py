"""Two files or folders that change places in one step, where the operating system can do that."""

import ctypes
import os
import sys
from pathlib import Path

AT_FDCWD = -100  # paths from the working directory, as in fcntl.h of Linux
RENAME_EXCHANGE, RENAME_SWAP = 2, 2  # linux/fs.h; sys/stdio.h of macOS


def exchange(one: Path, other: Path) -> bool:
    """Let two paths change places, so that nobody ever sees one of them missing (renameat2 of Linux, renamex_np of
    macOS).

    one (Path): A file or folder.
    other (Path): Another on the same file system.
    RETURNS (bool): Whether they did; False where the system or the file system cannot do it, and nothing has changed.
    """
    a, b = os.fsencode(one), os.fsencode(other)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            return bool(library.renamex_np(a, b, RENAME_SWAP) == 0)
        return bool(library.renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0)
    except (OSError, AttributeError, TypeError):
        return False
