"""Distillation: what slow or many-headed pipelines know, taught to one fast one."""

from .comparison import PipelineNumbers
from .run import Distillation, distill
from .settings import DistillSettings, Workers

__all__ = ["DistillSettings", "Distillation", "PipelineNumbers", "Workers", "distill"]
