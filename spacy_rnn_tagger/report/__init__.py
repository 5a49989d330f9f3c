"""Numbers as pages, tables and JSON."""
