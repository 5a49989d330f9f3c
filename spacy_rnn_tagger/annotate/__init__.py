"""Annotation of corpora of any size: texts in, rows out, by all cores of a machine or by a cluster."""

from .run import AnnotationRun, Progress, annotate
from .settings import AnnotateSettings

__all__ = ["AnnotateSettings", "AnnotationRun", "Progress", "annotate"]
