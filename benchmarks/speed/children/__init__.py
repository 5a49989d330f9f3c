"""What runs in processes of its own; `processes` starts them."""
