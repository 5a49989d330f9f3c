"""What the registry knows, one architecture a file."""
