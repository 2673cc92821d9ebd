"""Turns the raw order log into the shop's small, readable data files."""
