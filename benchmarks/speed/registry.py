"""The tables by name."""

from typing import Callable, Dict

from ..common.table import Table
from .sections.batches import measure_batches
from .sections.components import measure_components
from .sections.cuda import measure_cuda
from .sections.engine import measure_engine
from .sections.gemm import measure_gemm
from .sections.latency import measure_latency
from .sections.layers import measure_layers
from .sections.lengths import measure_lengths
from .sections.loading import measure_loading
from .sections.memory import measure_memory
from .sections.parallel import measure_parallel
from .sections.soak import measure_soak
from .sections.stream import measure_stream
from .sections.threads import measure_threads
from .sections.training import measure_training
from .sections.whole import measure_whole
from .setup import Setup

SECTIONS: Dict[str, Callable[[Setup], Table]] = {
    "components": measure_components,
    "stream": measure_stream,
    "engine": measure_engine,
    "whole": measure_whole,
    "parallel": measure_parallel,
    "latency": measure_latency,
    "batches": measure_batches,
    "lengths": measure_lengths,
    "gemm": measure_gemm,
    "threads": measure_threads,
    "memory": measure_memory,
    "soak": measure_soak,
    "loading": measure_loading,
    "layers": measure_layers,
    "training": measure_training,
    "cuda": measure_cuda,
}
