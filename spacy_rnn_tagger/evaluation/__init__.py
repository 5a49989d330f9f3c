"""Numbers about a pipeline, most of them on annotated data: what the commands print, for Python callers."""

from .bias_sweep import BiasSweep, ComponentBiases, sweep_biases
from .calibration import ComponentCalibration, PipelineCalibration, calibrate_pipeline
from .compression_cost import CompressionCost, compress_pipeline
from .corpus_check import CorpusCheck, check_corpus
from .layer_summary import PipelineSummary, load_untrained, summarize_layers
from .pipeline_scores import score_pipeline

__all__ = [
    "BiasSweep",
    "ComponentBiases",
    "ComponentCalibration",
    "CompressionCost",
    "CorpusCheck",
    "PipelineCalibration",
    "PipelineSummary",
    "calibrate_pipeline",
    "check_corpus",
    "compress_pipeline",
    "load_untrained",
    "score_pipeline",
    "summarize_layers",
    "sweep_biases",
]
