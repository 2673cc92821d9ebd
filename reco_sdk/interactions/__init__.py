"""Interactions: their schema, their weights, and how they are recorded."""
