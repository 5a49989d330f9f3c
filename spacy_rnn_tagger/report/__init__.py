"""Numbers as pages: one self-contained HTML file each, that loads nothing from anywhere."""
