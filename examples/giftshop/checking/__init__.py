"""Driving the shop with a real browser."""
