"""A picture for every product, drawn from its name: the log of the real shop has none."""

from shop.art.alone import alone
from shop.art.draw import picture

__all__ = ["alone", "picture"]
