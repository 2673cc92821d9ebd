"""A merchant steers the rows in the admin, and every worker of the shop follows: measured, with the merchant in a browser.

A product is pinned to the first place and another to the third, wherever rows are; the first is hidden by a rule, the second
taken off the shelf; both come back. Meanwhile pages are asked for all the time, so that it shows what each worker did when.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from checking.server import WORKERS, shell
from checking.walk import Walk, say
from checking.watch import Sight, Watch

WITHIN_SECONDS: Final = 1.0
STAYS_SECONDS: Final = 2.0
NAME: Final = "reco-check"
FIRST: Final = 1
THIRD: Final = 3

# Whatever a check that was stopped half-way left behind goes first.
CLEAN: Final = """
from django.apps import apps
from django.contrib.auth import get_user_model
from django_reco.rules import delete_rule, read_rules
for rule in read_rules():
    if rule.id.startswith({name!r}):
        delete_rule(rule.id)
apps.get_model({model!r}).objects.filter(pk__in={keys!r}).update(**{{{field!r}: True}})
get_user_model().objects.filter(username={name!r}).delete()
"""
HIRE: Final = "get_user_model().objects.create_superuser({name!r}, {name!r} + '@example.org', {password!r})\n"


@dataclass(frozen=True, slots=True)
class Steered:
    """A shop that is steered: its folder, the model of its products, and the field that says whether one is shown."""

    folder: Path
    model: str
    field: str

    def item(self, key: str) -> str:
        return f"{self.model}:{key}"


class Merchant:
    """Somebody with the admin open."""

    def __init__(self, walk: Walk, shop: Steered, keys: Sequence[str]) -> None:
        self.walk = walk
        self.shop = shop
        self._keys = list(keys)
        self._password = secrets.token_urlsafe()

    def __enter__(self) -> Self:
        given = {"name": NAME, "model": self.shop.model, "field": self.shop.field, "keys": self._keys}
        shell(self.shop.folder, CLEAN.format(**given) + HIRE.format(name=NAME, password=self._password))
        # Django's admin names no icon, so that a browser asks for one where there need not be any.
        self.walk.page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
        self.walk.go("/admin/login/?next=/admin/django_reco/rule/")
        self.walk.page.fill("#id_username", NAME)
        self.walk.page.fill("#id_password", self._password)
        self._submit("[type=submit]")
        return self

    def __exit__(self, *_: object) -> None:
        given = {"name": NAME, "model": self.shop.model, "field": self.shop.field, "keys": self._keys}
        shell(self.shop.folder, CLEAN.format(**given))

    def add_rule(self, rule: str, action: str, key: str, *, slot: int | None = None, seed: str = "") -> float:
        """Fill in the form and save; return when the shop's answer came. With a seed, the rule is looked at beforehand."""
        page = self.walk.page
        self.walk.go("/admin/django_reco/rule/add/")
        page.fill("#id_rule_id", f"{NAME}-{rule}")
        page.fill("#id_note", f"Check: {rule}")
        page.select_option("#id_action", action)
        page.fill("#id_items", self.shop.item(key))
        if slot is not None:
            page.fill("#id_slot", str(slot))
        if seed:
            page.fill("#reco-preview-item", self.shop.item(seed))
            page.get_by_role("button", name="Preview").click()
            preview = page.frame_locator("iframe[name=reco-preview]")
            preview.locator(".reco-sides section").nth(1).wait_for()
            self.walk.look(f"admin-{rule}")
            self.walk.hear(f"admin, {rule}", "#content")
            if self.shop.item(key) not in (preview.locator(".reco-sides section").nth(1).text_content() or ""):
                self.walk.problems.append(f"admin: the preview of “{rule}” does not show the product")
        return self._submit("[name=_save]")

    def delete_rule(self, rule: str) -> float:
        self.walk.go(f"/admin/django_reco/rule/{NAME}-{rule}/delete/")
        return self._submit("#content [type=submit]")

    def publish(self, key: str, *, shown: bool) -> float:
        self.walk.go(f"/admin/{self.shop.model.replace('.', '/')}/{key}/change/")
        self.walk.page.locator(f"#id_{self.shop.field}").set_checked(shown)
        return self._submit("[name=_save]")

    def _submit(self, button: str) -> float:
        page = self.walk.page
        with page.expect_response(lambda response: response.request.method == "POST") as posted:
            page.locator(button).first.click()
        timing = posted.value.request.timing
        page.wait_for_load_state("networkidle")
        if page.locator(".errornote, .errorlist").count():
            said = " ".join(page.locator(".errornote, .errorlist").all_inner_texts())
            self.walk.problems.append(f"admin: {page.url} does not accept the form: {said}")
        return float(timing["startTime"] + timing["responseStart"]) / 1_000


def steer(walk: Walk, shop: Steered, watching: AbstractContextManager[Watch], hidden: str, gone: str, seed: str) -> None:
    """Steer two products, and note among the walk's problems what does not follow within a second.

    ``hidden`` and ``gone`` are keys of products that can be bought; neither is what a page of the watch starts from.
    """
    first, second = shop.item(hidden), shop.item(gone)
    say(f"\nrules, in each of {WORKERS} workers: seconds until every page that is asked for shows it")
    with Merchant(walk, shop, [hidden, gone]) as merchant, watching as watch:

        def follows(what: str, since: float, holds: Callable[[Sight], bool]) -> None:
            spread = watch.spread(since, holds, WITHIN_SECONDS)
            seconds = ", ".join(f"{taken:.2f}" for taken in spread.seconds.values())
            say(f"  {what:<44} {seconds}   ({spread.pages} pages)")
            walk.problems.extend(f"{what}: not everywhere after {WITHIN_SECONDS} s: {fault}" for fault in spread.missing[:3])

        since = merchant.add_rule("pin", "pin", hidden, slot=FIRST, seed=seed)
        follows("pinned to the first place", since, lambda sight: sight.place(first) == FIRST)
        since = merchant.add_rule("pin-third", "pin", gone, slot=THIRD)
        follows("another pinned to the third", since, lambda sight: sight.place(second) == THIRD)
        since = time.time()
        time.sleep(STAYS_SECONDS)
        follows("both stay where they are", since, lambda sight: (sight.place(first), sight.place(second)) == (FIRST, THIRD))
        since = merchant.add_rule("hide", "hide", hidden)
        follows("hidden by a rule: in no row", since, lambda sight: not sight.shows(first))
        since = merchant.publish(gone, shown=False)
        follows("taken off the shelf: in no row", since, lambda sight: not sight.shows(second))
        since = merchant.delete_rule("hide")
        follows("no longer hidden: the first again", since, lambda sight: sight.place(first) == FIRST)
        since = merchant.publish(gone, shown=True)
        follows("on the shelf again: the third again", since, lambda sight: sight.place(second) == THIRD)
        walk.problems.extend(sorted(set(watch.faults)))
