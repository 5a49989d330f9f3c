"""What the figures were measured on."""

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any, Dict

from threadpoolctl import threadpool_info

PACKAGES = ("spacy", "thinc", "numpy", "torch")
CPU_INFO = Path("/proc/cpuinfo")


def describe_machine() -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): Processor, NumPy's kernel, number of cores, versions, and how busy it is: the load
    average of the last minute."""
    return {
        "processor": processor(),
        "kernel": kernel(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def processor() -> str:
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def kernel() -> str:
    """RETURNS (str): The library of NumPy's matrix products, and for which processors the kernel is that it chose
    here."""
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    ours = [library for library in libraries if "numpy" in library["filepath"]] or libraries
    if not ours:
        return "unknown"
    return " ".join(str(part) for part in (ours[0]["internal_api"], ours[0].get("architecture")) if part)


def note(machine: Dict[str, Any]) -> str:
    """RETURNS (str): A line below a table: times depend on both. machine (Dict[str, Any]): What was measured on."""
    return f"Processor: {machine['processor']}. NumPy's kernel: {machine['kernel']}."


def sentence(machine: Dict[str, Any]) -> str:
    """RETURNS (str): What a machine is, for people. machine (Dict[str, Any]): What `describe_machine` gave."""
    versions = ", ".join(f"{name} {machine[name]}" for name in ("python", *PACKAGES))
    load = "" if machine["load"] is None else f"; load average at the start: {machine['load']:.1f}"
    return f"{machine['processor']}, {machine['cores']} cores; {versions}{load}."
