"""Presets for shops that many have."""
