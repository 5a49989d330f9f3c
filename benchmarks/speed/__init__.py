"""Speed and memory of this package beside spaCy's own components, on the same texts and in the same run.

python -m benchmarks.speed
python -m benchmarks.speed.training
python -m benchmarks.speed.soak
python -m benchmarks.speed.hot_spots
"""
