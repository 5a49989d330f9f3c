"""Data in and out: formats of annotated texts, recognised, checked, split and converted."""

from .conversion import convert
from .formats import FORMATS
from .reading import BadLine
from .report import ConversionReport, format_report
from .settings import ReadSettings, WriteSettings

__all__ = ["FORMATS", "BadLine", "ConversionReport", "ReadSettings", "WriteSettings", "convert", "format_report"]
