"""The form in which weights are saved."""
