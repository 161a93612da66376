"""The parts of `benchmarks/sphere.py`."""
