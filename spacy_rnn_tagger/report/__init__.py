"""Numbers as pages, tables and JSON. A page is one HTML file that loads nothing from anywhere."""
