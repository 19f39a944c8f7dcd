"""Evaluates scores: metrics with intervals, calibration, operating points, paired tests."""
