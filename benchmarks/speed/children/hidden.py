"""Modules that shall seem not to be installed."""

import sys
from typing import Any, Optional


class Hidden:
    """Hides a module from this process, and counts how often it was asked for. It must not have been imported yet.

    name (Optional[str]): The module; none if None.
    """

    def __init__(self, name: Optional[str]):
        self.name = name
        self.asked = 0
        sys.meta_path.insert(0, self)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        if fullname == self.name:
            self.asked += 1
            raise ModuleNotFoundError(f"{fullname} is hidden", name=fullname)
