"""Where PostgreSQL is: Django's settings as the URL that asyncpg reads."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

from django_reco.dsn import postgres_url
from reco_sdk.storage.postgres.errors import check_dsn


def url(monkeypatch: pytest.MonkeyPatch, **given: Any) -> str:
    settings = {"NAME": "shop", "USER": "", "PASSWORD": "", "HOST": "", "PORT": "", "OPTIONS": {}, **given}
    wrapper = DatabaseWrapper({**connections["default"].settings_dict, **settings}, alias="default")
    monkeypatch.setattr(type(connections), "__getitem__", lambda _self, _alias: wrapper)
    return postgres_url()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "postgresql:///shop"),
        ({"USER": "ada", "HOST": "db.internal", "PORT": 5433}, "postgresql://ada@db.internal:5433/shop"),
        ({"USER": "a@b", "PASSWORD": "p/w:1", "HOST": "db"}, "postgresql://a%40b:p%2Fw%3A1@db/shop"),
        ({"HOST": "/run/postgresql", "USER": "ada"}, "postgresql://ada@/shop?host=/run/postgresql"),
        ({"HOST": "::1", "PORT": "5432"}, "postgresql:///shop?host=%3A%3A1&port=5432"),
        ({"HOST": "db", "OPTIONS": {"sslmode": "require", "pool": True}}, "postgresql://db/shop?sslmode=require"),
        ({"NAME": "my shop", "HOST": "db"}, "postgresql://db/my%20shop"),
    ],
)
def test_the_url_leads_to_the_same_database(monkeypatch, given, expected):
    assert url(monkeypatch, **given) == expected
    assert check_dsn(expected) == expected


def test_another_engine_has_none():
    assert postgres_url() == ""
