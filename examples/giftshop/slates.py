"""The rows of recommendations of a page, and what must be true of every one of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from playwright.sync_api import Frame, Page


@dataclass(frozen=True, slots=True)
class Card:
    code: str
    group: str
    title: str
    price: str
    reason: str


@dataclass(frozen=True, slots=True)
class Slate:
    id: str
    title: str
    placement: str
    strategy: str
    tier: str
    cards: tuple[Card, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(card.code for card in self.cards)

    def lines(self) -> Iterable[str]:
        yield f"  {self.title} [{self.placement}, {self.strategy}, {self.tier}, {len(self.cards)}]"
        for position, card in enumerate(self.cards, 1):
            yield f"    {position:>2}. {card.title:<48.48} {card.price:>8}   {card.reason}"


def read(page: Page | Frame) -> list[Slate]:
    rows = page.evaluate(
        """() => [...document.querySelectorAll('[data-slate]')].map(row => ({
          id: row.dataset.slate, placement: row.dataset.placement, strategy: row.dataset.strategy, tier: row.dataset.tier,
          title: row.querySelector('h2').textContent.trim(),
          cards: [...row.querySelectorAll('.card')].map(card => ({
            code: card.dataset.code, group: card.dataset.group,
            title: card.querySelector('.card-title').textContent.trim(),
            price: card.querySelector('.price').textContent.trim(),
            reason: card.querySelector('.reason')?.textContent.trim() ?? '',
          })),
        }))"""
    )
    return [
        Slate(
            row["id"], row["title"], row["placement"], row["strategy"], row["tier"], tuple(Card(**card) for card in row["cards"])
        )
        for row in rows
    ]


def faults(slate: Slate, *, size: int, seed_group: str = "", needs_reasons: bool = True) -> Iterable[str]:
    name = f"“{slate.title}” ({slate.placement})"
    if not slate.id:
        yield f"{name} has no slate id"
    if len(slate.cards) != size:
        yield f"{name} shows {len(slate.cards)} products instead of {size}"
    groups = [card.group for card in slate.cards]
    doubled = sorted({group for group in groups if groups.count(group) > 1})
    if doubled:
        yield f"{name} shows one product twice: {', '.join(doubled)}"
    if seed_group and seed_group in groups:
        yield f"{name} recommends the product that is being looked at"
    if needs_reasons and not all(card.reason for card in slate.cards):
        yield f"{name} does not say why"
