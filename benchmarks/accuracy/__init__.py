"""Accuracy of this package and of other taggers, trained on the same files and scored alike.

python -m benchmarks.accuracy ewt --seeds 0 1 2
python -m benchmarks.accuracy.curve ewt
"""
