"""Driving the example shops with a real browser: what their checks share."""
