"""Sentence variational auto-encoders: train, measure, interpolate."""
