"""What all benchmarks share: the store of finished runs, the timer that takes turns, the table."""
