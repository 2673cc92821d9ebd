"""An ordinary day in the shop. Run with recommendations and without, it answers alike, the rows aside.

What is answered goes to the file that ``BOOKSHOP_ANSWERS`` names; whoever ran both compares them.
"""

import json
import os
import re
from pathlib import Path

from django.apps import apps
from django.core import mail

ROW = re.compile(r'<section class="reco-row".*?</section>|<link rel="stylesheet" href="/static/reco/reco.css">', re.DOTALL)
EVER_NEW = re.compile(
    r'name="csrfmiddlewaretoken" value="[^"]*"|<meta name="created"[^>]*>|csrfToken: "[^"]*"|\d+ \w+ \d{4}, [^<]*'
)
ADDRESS = {
    "first_name": "Ada", "last_name": "Lark", "line1": "1 Juniper Road", "line4": "Larkhill", "postcode": "N1 9RT",
    "country": "GB", "phone_number": "",
}  # fmt: skip


# Rows are text too, and their length is part of the page's.
LENGTH = "Content-Length"
# What Django notes about the apps that there are.
OF_APPS = {"contenttypes.contenttype", "auth.permission"}


def plain(text):
    """The lines of a text, without what is new each time and without rows."""
    lines = EVER_NEW.sub("", ROW.sub("", text)).splitlines()
    return [line.strip() for line in lines if line.strip()]


def told(response):
    """What a response says."""
    return {
        "status": response.status_code,
        "headers": {name: value for name, value in response.headers.items() if name != LENGTH},
        "cookies": sorted(response.cookies),
        "session": sorted(response.wsgi_request.session.keys()),
        "text": plain(response.text),
    }


def left_behind():
    """How many of everything the shop holds, and what it sent."""
    models = [model for model in apps.get_models() if model._meta.managed and model._meta.app_label != "django_reco"]
    counts = {model._meta.label_lower: model._default_manager.count() for model in models}
    return {
        "rows": {label: count for label, count in sorted(counts.items()) if label not in OF_APPS},
        "mails": [[sent.subject, *sent.to, *plain(sent.body)] for sent in mail.outbox],
    }


def test_a_day_in_the_shop(shopper, book, shirt):
    answers = {}

    def step(name, response):
        answers[name] = told(response)
        return response

    child = shirt.children.first()
    get, post = shopper.get, shopper.post
    step("home", get("/", follow=True))
    step("catalogue", get("/catalogue/"))
    step("category", get("/catalogue/category/books/non-fiction/essential-programming_3/"))
    step("product", get(book.get_absolute_url()))
    step("parent", get(shirt.get_absolute_url()))
    step("child", get(child.get_absolute_url()))
    step("search", get("/search/", {"q": "programming"}))
    step("nothing found", get("/search/", {"q": "zeppelin"}))
    step("empty basket", get("/basket/"))
    step("add", post(f"/basket/add/{book.pk}/", {"quantity": 1}))
    step("add a child", post(f"/basket/add/{shirt.pk}/", {"quantity": 1, "child_id": child.pk}))
    step("basket", get("/basket/"))
    account = {
        "registration-email": "ada@example.org",
        "registration-password1": "larks-ascend",
        "registration-password2": "larks-ascend",
    }
    step("register", post("/accounts/login/", {**account, "registration_submit": "1"}))
    step("log out", get("/accounts/logout/"))
    login = {"login-username": "ada@example.org", "login-password": "larks-ascend", "login_submit": "1"}
    step("log in", post("/accounts/login/", login))
    step("product of an account", get(book.get_absolute_url()))
    step("wish", post(f"/accounts/wishlists/add/{book.pk}/"))
    step("check out", get("/checkout/", follow=True))
    step("address", post("/checkout/shipping-address/", ADDRESS, follow=True))
    step("preview", get("/checkout/preview/"))
    step("order", post("/checkout/preview/", {"action": "place_order"}))
    step("thank you", get("/checkout/thank-you/"))
    step("orders", get("/accounts/orders/"))

    statuses = {name: answer["status"] for name, answer in answers.items()}
    assert max(statuses.values()) < 400, statuses
    assert "larkhill" in " ".join(answers["thank you"]["text"]).lower()
    answers["left behind"] = left_behind()
    assert answers["left behind"]["mails"]
    if where := os.environ.get("BOOKSHOP_ANSWERS"):
        Path(where).write_text(json.dumps(answers, indent=1), encoding="utf-8")
