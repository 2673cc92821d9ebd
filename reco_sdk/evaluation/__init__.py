"""Evaluation: data, protocols free of leakage, metrics with intervals, reports."""
