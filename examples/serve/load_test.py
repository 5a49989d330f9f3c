"""Load on the service: many clients at once, every answer compared with that of one thread that nobody shares.

    python load_test.py training/bundled/model-best --minutes 1 --workers 2 --clients 8

Starts the service on a free port of this machine, sends requests of 1 to 64 made-up texts, and prints the number of
answers, latencies, and how far the memory of the workers grew after the first tenth of the time. Ends with exit code 1
if an answer is wrong.
"""

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Dict, List, Optional

from service import Service, Settings

HERE = Path(__file__).parent
WORDS = (
    "the train to Delhi was late she met Anna Berg in Lahore Red Fort is good café naïve x1 , . ! 12 $ très -".split()
)
SIZES = (1, 1, 1, 2, 4, 16, 64)


@dataclass
class Load:
    """What came of a load.

    minutes (float): How long it went on.
    workers (int): Processes of the service.
    clients (int): Requests at once.
    requests (int): Requests that were answered.
    texts (int): Texts in them.
    refused (int): Requests that were turned away as the service was busy, and sent again.
    wrong (List[str]): What was wrong with answers; the first ten.
    failed (List[str]): Requests that had no answer; the first ten.
    latency_ms (Dict[str, float]): Percentiles of the time from sending to the whole answer, of answered requests.
    growth_mb (float): How much more memory the workers took at their most than after the first tenth of the time.
    memory_mb (float): What they took at the end, all together.
    """

    minutes: float
    workers: int
    clients: int
    requests: int
    texts: int
    refused: int
    wrong: List[str]
    failed: List[str]
    latency_ms: Dict[str, float]
    growth_mb: float
    memory_mb: float


class Traffic:
    """Clients of a service.

    port (int): Where the service listens.
    oracle (Service): The same service in this process, used by one client at a time.
    ends (float): The time of `time.monotonic` at which clients stop.
    """

    def __init__(self, port: int, oracle: Service, ends: float) -> None:
        self.port, self.oracle, self.ends = port, oracle, ends
        self.latencies: List[float] = []
        self.wrong: List[str] = []
        self.failed: List[str] = []
        self.n_texts = self.refused = 0
        self.lock = threading.Lock()

    def client(self, seed: int) -> None:
        """Send requests one after the other. seed (int): Which texts."""
        rng = random.Random(seed)
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        while time.monotonic() < self.ends:
            texts = [make_text(rng) for _ in range(rng.choice(SIZES))]
            body = json.dumps({"texts": texts, "tokens": rng.random() < 0.5})
            started = time.perf_counter()
            try:
                connection.request("POST", "/annotate", body, {"Content-Type": "application/json"})
                reply = connection.getresponse()
                content = reply.read()
            except OSError as e:
                self._note(self.failed, f"{type(e).__name__}: {e}")
                connection.close()
                continue
            taken = time.perf_counter() - started
            if reply.status == 503:
                with self.lock:
                    self.refused += 1
                time.sleep(0.05)
            elif reply.status != 200:
                self._note(self.failed, f"{reply.status}: {content[:200]!r}")
            else:
                self._compare(json.loads(body), json.loads(content), taken)
        connection.close()

    def _compare(self, request: Dict[str, Any], answer: Any, taken: float) -> None:
        with self.lock:
            expected = json.loads(json.dumps(self.oracle.answer(request["texts"], request["tokens"])))
            self.latencies.append(taken)
            self.n_texts += len(request["texts"])
        if answer != expected:
            first = next((i for i, pair in enumerate(zip(answer, expected)) if pair[0] != pair[1]), len(expected))
            self._note(self.wrong, f"text {first} of {request['texts']!r}"[:500])

    def _note(self, place: List[str], what: str) -> None:
        with self.lock:
            place.append(what)


def make_text(rng: random.Random) -> str:
    """RETURNS (str): A text of known words, new words and odd characters. rng (Random): The chance."""
    words = rng.choices(WORDS, k=rng.randrange(0, 40))
    return " ".join(word + str(rng.randrange(10**6)) if rng.random() < 0.1 else word for word in words)


def memory_mb(process: int) -> float:
    """RETURNS (float): Resident memory of a process and its children, in millions of bytes; 0 where /proc is not.
    process (int): The process."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(folder.name) == process or int(fields[1]) == process:
                total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError):
            continue
    return total / 1e6


def load(model: str, minutes: float, workers: int, clients: int, show: bool = False) -> Load:
    """Start the service, put it under load, and stop it.

    model (str): The pipeline.
    minutes (float): How long.
    workers (int): Processes of the service.
    clients (int): Requests at once.
    show (bool): Whether to print the state twice a minute.
    RETURNS (Load): What came of it.
    RAISES (RuntimeError): If the service does not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "MODEL": str(Path(model).resolve() if Path(model).exists() else model)}
    command = [sys.executable, "-m", "uvicorn", "--factory", "service:make_app", "--port", str(port)]
    server = subprocess.Popen(
        [*command, "--workers", str(workers), "--log-level", "warning"],
        cwd=HERE,
        env={**environment, "OMP_NUM_THREADS": "1"},
    )
    try:
        oracle = Service(Settings(environment["MODEL"]))
        wait_until_up(port, server)
        began = time.monotonic()
        traffic = Traffic(port, oracle, began + 60 * minutes)
        threads = [threading.Thread(target=traffic.client, args=(seed,)) for seed in range(clients)]
        for thread in threads:
            thread.start()
        settled, most, told = None, 0.0, began
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.5)
            now = memory_mb(server.pid)
            if settled is None and time.monotonic() > began + 6 * minutes:
                settled = now
            most = max(most, now if settled is not None else 0.0)
            if show and time.monotonic() > told + 30:
                told = time.monotonic()
                print(
                    f"{(told - began) / 60:.1f} min, {len(traffic.latencies):,} answers, {now:.0f} MB", file=sys.stderr
                )
        times = sorted(traffic.latencies) or [float("nan")]
        percentiles = {
            f"p{p}": round(1000 * times[min(len(times) - 1, len(times) * p // 100)], 2) for p in (50, 95, 99)
        }
        return Load(
            minutes=minutes,
            workers=workers,
            clients=clients,
            requests=len(traffic.latencies),
            texts=traffic.n_texts,
            refused=traffic.refused,
            wrong=traffic.wrong[:10],
            failed=traffic.failed[:10],
            latency_ms={**percentiles, "max": round(1000 * times[-1], 2)},
            growth_mb=round(most - (settled or most), 1),
            memory_mb=round(memory_mb(server.pid), 1),
        )
    finally:
        server.terminate()
        server.wait(30)


def wait_until_up(port: int, server: "subprocess.Popen[bytes]", seconds: float = 120) -> None:
    """Wait for the first answer of a service. port (int): Where it listens. server (Popen): Its process. seconds
    (float): The longest to wait.
    RAISES (RuntimeError): If it ended, or has not answered by then."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and server.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    raise RuntimeError(f"The service has not started within {seconds:g} s; what it printed says why.")


def main(arguments: Optional[List[str]] = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a pipeline: its directory, or an installed package")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long")
    parser.add_argument("--workers", type=int, default=2, help="processes of the service")
    parser.add_argument("--clients", type=int, default=8, help="requests at once")
    args = parser.parse_args(arguments)
    done = load(args.model, args.minutes, args.workers, args.clients, show=True)
    print(json.dumps(asdict(done), indent=2))
    if done.wrong or done.failed or not done.requests:
        sys.exit(1)


if __name__ == "__main__":
    main()
