"""``{% load reco %}``."""
