"""Numbers about a pipeline, most of them on annotated data: what the commands print, for Python callers."""

from .bias_sweep import BiasSweep, ComponentBiases, sweep_biases
from .calibration import ComponentCalibration, PipelineCalibration, calibrate_pipeline
from .compression_cost import CompressionCost, compress_pipeline
from .layer_summary import PipelineSummary, load_untrained, summarize_layers
from .pipeline_scores import score_pipeline

__all__ = [
    "BiasSweep",
    "ComponentBiases",
    "ComponentCalibration",
    "CompressionCost",
    "PipelineCalibration",
    "PipelineSummary",
    "calibrate_pipeline",
    "compress_pipeline",
    "load_untrained",
    "score_pipeline",
    "summarize_layers",
    "sweep_biases",
]
