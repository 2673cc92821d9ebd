"""``manage.py reco_doctor``: what the recommender sees of the shop, whether it shows, how fast, and what is wrong."""

# ruff: noqa: SLF001  Model._meta and Model._default_manager are Django's documented API

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.test import Client
from django.urls import Resolver404, resolve

from django_reco import dirty, metrics
from django_reco.checks import check_settings
from django_reco.conf import get_settings
from django_reco.hydrate import hydrate
from django_reco.indexer import aliases
from django_reco.items import Items
from django_reco.orders import orders
from django_reco.places import engine_config, shares_database, sqlite_file, store_url
from django_reco.recommender import process
from django_reco.registry import adapters
from reco_sdk.errors import RecoError, UnknownItem
from reco_sdk.items.text import DEFAULT_RECIPE
from reco_sdk.request import Request
from reco_sdk.storage.urls import public_url

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django_reco.backend import Backend
    from reco_sdk.items.item import Item

__all__ = ["Command"]

# The tags render for a robot, and nothing of what it does is recorded.
USER_AGENT = "reco-doctor (bot)"


class Command(BaseCommand):
    """Look at everything; exit with 1 when something is wrong."""

    help = "Shows what the recommender sees of the shop, whether rows appear on a page, timings, and what is wrong."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--samples", type=int, default=3, help="how many items to show (default 3)")
        parser.add_argument("--no-page", action="store_true", help="do not fetch a product page")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run it."""
        self.problems: list[str] = []
        found = check_settings()
        for message in found:
            self._problem(f"{message.id}: {message.msg} {message.hint or ''}", error=message.level >= checks.ERROR)
        if not any(message.level >= checks.ERROR for message in found):
            try:
                self._look(options["samples"], page=not options["no_page"])
            except (RecoError, DatabaseError) as error:
                self._problem(f"{type(error).__name__}: {error}")
            finally:
                process.stop()
        if self.problems:
            self.stdout.write("")
            self.stdout.write(self.style.ERROR(f"{len(self.problems)} thing(s) to mend:"))
            for problem in self.problems:
                self.stdout.write(f"  - {problem}")
            raise CommandError("not healthy", returncode=1)
        self.stdout.write(self.style.SUCCESS("All is well."))

    def _problem(self, text: str, *, error: bool = True) -> None:
        if error:
            self.problems.append(text.strip())
        else:
            self.stdout.write(self.style.WARNING(f"note: {text.strip()}"))

    def _say(self, name: str, text: object) -> None:
        self.stdout.write(f"{name:<14} {text}")

    def _look(self, samples: int, *, page: bool) -> None:
        config = get_settings()
        self._say("mode", config.mode)
        self._say("store", public_url(store_url(config)))
        light = engine_config(config, embeds=False).model
        self._say("model", config.model + ("" if light or config.embed_in_web else " (not loaded in web processes)"))
        database: dict[str, Any] = settings.DATABASES["default"]
        if sqlite_file() and shares_database(config) and database.get("OPTIONS", {}).get("transaction_mode") != "IMMEDIATE":
            self._problem(
                f'the store shares {sqlite_file()}: set OPTIONS {{"transaction_mode": "IMMEDIATE"}} of the database, or a '
                "transaction that reads before it writes can meet 'database is locked'",
                error=False,
            )
        if not config.consent:
            self._problem("CONSENT is not set: anonymous visitors get no cookie, so their rows are not personal", error=False)
        backend = self._backend()
        items: list[Item] = []
        for adapter in adapters().values():
            items += self._adapter(adapter, samples, backend)
        self._orders()
        waiting = {alias: dirty.pending(alias) for alias in aliases()}
        self._say("marks", ", ".join(f"{count:,} wait in {alias!r}" for alias, count in waiting.items()))
        if backend is not None:
            self._engine(backend)
            self._timings(backend, [item.id for item in items])
        if page:
            self._page(items)

    def _backend(self) -> Backend | None:
        deadline = time.monotonic() + 60.0
        backend = process.backend(in_line=True)
        while backend is None and time.monotonic() < deadline and process.error is None:
            time.sleep(0.1)
            backend = process.backend()
        if backend is None:
            self._problem(f"the recommender does not start: {process.error or 'it takes over a minute'}")
        return backend

    def _adapter(self, adapter: Items, samples: int, backend: Backend | None) -> list[Item]:
        rows = adapter.index_queryset().count()
        everything = adapter.model._default_manager.count()
        self._say("items", f"{adapter.label}: {rows:,} of {everything:,} rows may be recommended")
        for name, choice in adapter.guesses.items():
            others = f"; also possible: {', '.join(choice.others)}" if choice.others else ""
            self.stdout.write(f"  {name:<12} {choice.path:<20} guessed: {choice.reason}{others}")
        objects = list(adapter.index_queryset()[: max(samples, 50)])
        items, refused = adapter.items(objects)
        for error in refused[:5]:
            self._problem(f"refused: {error}")
        for item in items[:samples]:
            self.stdout.write(f"  {item.id}  {DEFAULT_RECIPE.text(item)[:100]!r}")
            self.stdout.write(
                f"    {' | '.join(item.categories) or 'no category'} · {item.effective_price} · {item.availability} "
                f"· {item.page_url}"
            )
        self._urls(adapter, items)
        if rows and not items:
            self._problem(f"{adapter.label}: no row of the first {len(objects)} makes an item")
        if not rows and everything:
            self._problem(f"{adapter.label}: queryset and where leave nothing of {everything:,} rows")
        if backend is not None and items:
            stored = backend.content_hashes([item.id for item in items])
            behind = sum(stored.get(item.id) != item.content_hash for item in items)
            if behind:
                self._problem(
                    f"{adapter.label}: {behind} of {len(items)} sampled items differ from the store; run manage.py reco_sync"
                )
        return items

    def _urls(self, adapter: Items, items: list[Item]) -> None:
        without = [item.id for item in items if not item.page_url]
        if without:
            self._problem(f"{adapter.label}: {without[0]} has no page address; add get_absolute_url to the model, or set 'url'")
            return
        for item in items[:5]:
            path = str(item.page_url)
            if path.startswith("/"):
                try:
                    resolve(path.partition("?")[0])
                except Resolver404:
                    self._problem(f"{adapter.label}: {path} (of {item.id}) leads to no view")
                    return

    def _orders(self) -> None:
        sources = orders()
        if not sources:
            self._problem("ORDERS is not set: bestsellers and what is bought together know only what was tracked", error=False)
        for source in sources:
            lines = list(source.lines().order_by("-pk")[:200])
            bought: dict[str, list[str]] = {}
            refused = 0
            for line in lines:
                try:
                    purchase = source.purchase(line)
                except (RecoError, ValueError, TypeError) as error:
                    refused += 1
                    if refused == 1:
                        self._problem(f"ORDERS {source.label}: line {line.pk}: {error}")
                    continue
                if purchase is not None and purchase.session_id and purchase.item_id:
                    bought.setdefault(purchase.session_id, []).append(purchase.item_id)
            self._say("orders", f"{source.label}: {source.count():,} lines; the newest {len(lines)} make {len(bought)} baskets")
            pair = next((items for items in bought.values() if len(set(items)) > 1), None)
            if pair:
                self.stdout.write(f"  bought together: {' + '.join(pair[:4])}")
            elif len(lines) > 20:
                self._problem(f"ORDERS {source.label}: no basket holds two items; is 'group' what the lines of one order share?")
            if lines and not bought:
                self._problem(f"ORDERS {source.label}: no line leads to an item; check 'item'")

    def _engine(self, backend: Backend) -> None:
        diagnosis = backend.facade.doctor()
        facts = diagnosis.facts
        self._say(
            "store", f"{facts['items']:,} items, interactions {facts['interactions']}, {facts['impressions']:,} slates shown"
        )
        recorder, lost = facts["recorder"], facts["recorder"]["lost"]
        self._say(
            "recorder",
            f"{recorder['accepted']:,} accepted by the processes of this host, {recorder['written']:,} written, "
            f"{sum(recorder['dropped'].values()):,} dropped, {sum(recorder['at_risk'].values()):,} wait",
        )
        if lost["processes"]:
            left = ", ".join(f"{lost['at_risk'][name] + lost['dropped'][name]:,} {name}" for name in lost["at_risk"])
            self.stdout.write(f"  {lost['processes']} process(es) ended since this host started without writing at most {left}")
        snapshot = facts["snapshot"]
        self._say("snapshot", "none" if snapshot is None else f"{snapshot['path']} ({snapshot['items']:,} items)")
        self._ranking(facts["ranking"])
        for problem in diagnosis.problems:
            told = problem.replace("; run sync", "; run manage.py reco_sync").replace("; run train", "; run manage.py reco_train")
            self._problem(told)

    def _ranking(self, ranking: dict[str, Any]) -> None:
        """Say which model serves, since when and why, and what the last training came to."""
        model, last = ranking["model"], ranking["last_training"]
        self._say("ranking", "weights set by hand" if model is None else f"{model}, since {ranking['since'][:16]}")
        for strategy, reason in ranking["serves"].items():
            self.stdout.write(f"  {strategy}: {reason}")
        if last is not None:
            self.stdout.write(f"  trained last {last['at'][:16]}")
            for strategy, verdict in last.items():
                if strategy not in ("at", *ranking["serves"]):
                    self.stdout.write(f"  {strategy}: {verdict}")

    def _timings(self, backend: Backend, item_ids: list[str]) -> None:
        engine, fetch = [], []
        for item_id in item_ids[:30]:
            started = time.perf_counter()
            try:
                slate = backend.recommend_now(Request(strategy="you_may_also_like", placement="item", seeds=(item_id,), n=12))
            except UnknownItem:
                continue
            asked = time.perf_counter()
            hydrate(slate.ids[:8], None)
            engine.append(asked - started)
            fetch.append(time.perf_counter() - asked)
        if engine:
            medians = statistics.median(engine) * 1e3, statistics.median(fetch) * 1e3
            self._say("timings", f"engine p50 {medians[0]:.2f} ms, fetching 8 objects p50 {medians[1]:.2f} ms")

    def _page(self, items: list[Item]) -> None:
        item = next((i for i in items if i.is_available and (i.page_url or "").startswith("/")), None)
        if item is None or item.page_url is None:
            self._problem("no product page could be fetched: no item that can be bought has an address on this site", error=False)
            return
        hosts = [host for host in settings.ALLOWED_HOSTS if host not in {"*", ""} and not host.startswith(".")]
        before = metrics.counts()
        client = Client(
            raise_request_exception=False, headers={"user-agent": USER_AGENT, "host": hosts[0] if hosts else "localhost"}
        )
        response = client.get(item.page_url, follow=True, secure=bool(settings.SECURE_SSL_REDIRECT))
        after = metrics.counts()
        rows = after.get("slate.shown", 0) - before.get("slate.shown", 0)
        self._say("page", f"{item.page_url}: {response.status_code}, {rows} row(s) with items")
        if response.status_code != 200:
            self._problem(f"{item.page_url} answers {response.status_code}")
        elif after.get("tag.error", 0) > before.get("tag.error", 0):
            self._problem(f"a tag on {item.page_url} failed; the log says why")
        elif not rows:
            self._problem(f"no row shows on {item.page_url}: {{% load reco %}} {{% you_may_also_like product %}} in its template")
