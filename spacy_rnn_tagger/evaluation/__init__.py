"""Numbers about a pipeline on annotated data."""
