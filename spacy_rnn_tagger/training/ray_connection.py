"""Ray: imported where it is asked for, and connected to."""

import socket
from typing import Any, Dict


def import_ray(where: str) -> Any:
    """RETURNS (module): Ray. where (str): What needs it, for messages. RAISES (ValueError): If it is not installed."""
    try:
        import ray
    except ImportError as e:
        raise ValueError(f"{where}: the engine 'ray' needs Ray: pip install 'spacy-rnn-tagger[ray]'") from e
    return ray


def connect(ray: Any, address: str, n_workers: int, what: str) -> None:
    """Connect to a cluster, or start one on this machine.

    ray (module): Ray.
    address (str): The address of the cluster, as `ray.init` takes it; if empty, one is started here.
    n_workers (int): How many cores the one that is started has; 0 for those of the machine.
    what (str): What needs it, for messages.
    RAISES (ValueError): If the cluster cannot be reached.
    """
    quiet: Dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if not address:
        quiet.update(include_dashboard=False, num_cpus=n_workers or None)
    try:
        _knock(address)
        ray.init(address=address or "local", **quiet)
    except Exception as e:  # of many kinds, by what is wrong
        detail = " ".join(str(e).split())[:200]
        where = f"at {address!r}" if address else "of this machine"
        raise ValueError(f"{what}: the Ray cluster {where} cannot be reached: {detail}") from e


def _knock(address: str) -> None:
    """Ray itself tries for many minutes to reach an address where nobody is."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=30).close()
