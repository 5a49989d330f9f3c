"""What makes prediction fast: input gates kept for each lexeme, and batches of bounded size."""
