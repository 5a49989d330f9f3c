"""The layers that architectures are built from, one a file."""
