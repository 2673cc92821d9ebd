"""System checks of ``settings.RECO``. None touches a database.

:data:`CHECKS` is the one table of them: every id, when it speaks, and what mends it. ``docs/checks.md`` is written from
it, and a test triggers each.
"""

# ruff: noqa: SLF001  Model._meta and Model._default_manager are Django's documented API

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.core.exceptions import FieldError
from django.db.models import Model
from django.dispatch import Signal
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.utils.module_loading import import_string

from django_reco.conf import Problem, Settings, parse
from django_reco.dsn import postgres_url
from django_reco.items import ITEM_PATHS, Items
from django_reco.orders import Orders
from django_reco.paths import load, split
from django_reco.places import in_memory, sqlite_file
from django_reco.registry import adapters, find_model, registered, watched
from reco_sdk.errors import ConfigError
from reco_sdk.storage.urls import public_url

__all__ = ["CHECKS", "check_settings", "register_checks"]

TAG: Final = "reco"

CHECKS: Final[Mapping[str, tuple[str, str]]] = {
    "reco.E001": ("RECO is not a dict.", 'Write RECO = {"ITEMS": "shop.Product"}.'),
    "reco.E002": ("RECO, or an entry in it, has a key that is no setting.", "The hint names the nearest one that is."),
    "reco.E003": ("A setting has a value that cannot work.", "The message says what it should be."),
    "reco.E010": ("An entry of ITEMS is malformed, or its model is not installed.", "Name it as 'app_label.Model'."),
    "reco.E011": (
        "A path of ITEMS names nothing on the model, or a callable that cannot be imported.",
        "Name a field, property, method or relation, or the dotted name of a function; '' turns a field off.",
    ),
    "reco.E012": ("queryset, where or result_queryset of ITEMS cannot work.", "Name a manager or method of the model."),
    "reco.E013": ("A model under watch is not installed, or the way from it to the item is not clear.", "Give the path."),
    "reco.E020": ("An entry of ORDERS is malformed, or its model is not installed.", "Name it as 'app_label.OrderLine'."),
    "reco.E021": ("A path or lookup of ORDERS names nothing on the model.", "Name a field, property, method or relation."),
    "reco.E030": ("An entry of EVENTS is malformed.", "Give a kind, and the name under which the signal sends the item."),
    "reco.E031": ("A signal of EVENTS cannot be imported.", "Give its dotted name, 'shop.signals.product_viewed'."),
    "reco.E040": ("CONSENT cannot be imported, or is not callable.", "Give the dotted name of callable(request) -> bool."),
    "reco.E041": (
        "A segment of SEGMENTS cannot be imported, or is not callable.",
        "Give callable(request) -> bool, or its dotted name.",
    ),
    "reco.E050": (
        "STORE is no address of a store.",
        "Use 'sqlite:////absolute/path.sqlite3' or 'postgresql://user@host/name', or leave it out.",
    ),
    "reco.E060": (
        "PLACEMENTS names a placement, strategy, filter or setting that there is not, or gives it a value that cannot work.",
        "The hint names the nearest one that is, or what it should be.",
    ),
    "reco.E061": (
        "The template, or what 'seeds' names, in PLACEMENTS is not there.",
        "Give the name of a template, and the dotted name of callable(request).",
    ),
    "reco.W001": ("There are no items.", "Add ITEMS, or @reco.register in <app>/reco.py; manage.py reco_init proposes it."),
    "reco.W002": ("A model stands in ITEMS and is registered by a class as well; the class wins.", "Remove the entry."),
    "reco.W003": (
        "The default database is neither SQLite nor PostgreSQL: its tables lie in an SQLite file beside the project.",
        "Set STORE to the address of the file, on a disk that all processes of this host share, to choose the place.",
    ),
    "reco.W004": (
        "CONSENT is set, but the middleware that makes the cookie is missing.",
        "Add 'django_reco.middleware.RecoMiddleware' after the authentication middleware.",
    ),
    "reco.W005": (
        "EMBED_IN_WEB is on, but sentence-transformers is not installed.",
        "Run pip install 'reco-sdk[embed]', or let another process embed.",
    ),
    "reco.W006": (
        "MODE is 'inline' in production: every row reads the whole catalogue (check --deploy).",
        "Leave MODE out; 'inline' is for tests.",
    ),
    "reco.W007": (
        "The default database is PostgreSQL, but asyncpg is not installed: the tables lie in an SQLite file of this host alone.",
        "Run pip install 'reco-sdk[postgres]'.",
    ),
}


def register_checks() -> None:
    """Register both checks with Django."""
    checks.register(check_settings, TAG)
    checks.register(check_deployment, TAG, deploy=True)


def check_settings(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Return everything in ``settings.RECO`` that cannot work, or that will surprise."""
    del app_configs
    parsed, problems = parse(getattr(settings, "RECO", {}))
    found = [_message(p) for p in problems]
    if any(p.check_id in {"reco.E001", "reco.E010"} for p in problems):
        return found
    for check in (_items, _orders, _events, _callables, _placements, _surroundings):
        found += [_message(p) for p in check(parsed)]
    return found


def check_deployment(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Return what does not belong into production."""
    del app_configs
    parsed, _problems = parse(getattr(settings, "RECO", {}))
    return [_message(_problem("reco.W006"))] if parsed.mode == "inline" else []


def _problem(check_id: str, message: str | None = None, hint: str | None = None) -> Problem:
    told, mend = CHECKS[check_id]
    return Problem(check_id, message or told, hint or mend)


def _message(problem: Problem) -> checks.CheckMessage:
    kind: Callable[..., checks.CheckMessage] = checks.Error if ".E" in problem.check_id else checks.Warning
    return kind(problem.message, hint=problem.hint, id=problem.check_id)


def _items(parsed: Settings) -> Iterator[Problem]:
    classes = registered()
    if not parsed.items and not classes:
        yield _problem("reco.W001")
    for spec in parsed.items:
        try:
            find_model(spec.model, 'RECO["ITEMS"]')
        except ConfigError as error:
            yield _problem("reco.E010", f"{error}.")
            return
        if spec.model.lower() in classes:
            yield _problem(
                "reco.W002", f"{spec.model} stands in ITEMS and is registered by {classes[spec.model.lower()].__name__}."
            )
    try:
        known = adapters()
    except ConfigError as error:
        if not parse(getattr(settings, "RECO", {}))[1]:  # otherwise it was told above
            yield _problem("reco.E010", f"{error}.")
        return
    for adapter in known.values():
        yield from _adapter(adapter)
    try:
        watched()
    except ConfigError as error:
        yield _problem("reco.E013", f"{error}.")


def _adapter(adapter: Items) -> Iterator[Problem]:
    named = [(name, getattr(adapter, name)) for name in ITEM_PATHS]
    named += [(f"attributes[{name!r}]", path) for name, path in adapter.attributes.items()]
    texts: Sequence[str] = (adapter.text,) if isinstance(adapter.text, str) else adapter.text or ()
    named += [("text", path) for path in texts]
    for name, path in named:
        wrong = _wrong_path(adapter.model, path) if path else None
        if wrong:
            yield _problem("reco.E011", f"ITEMS {adapter.label}: {name}: {wrong}.")
    for name, path in (("queryset", adapter.queryset), ("result_queryset", adapter.result_queryset_path)):
        wrong = _wrong_queryset(adapter.model, path) if path else None
        if wrong:
            yield _problem("reco.E012", f"ITEMS {adapter.label}: {name}: {wrong}.")
    if adapter.where:
        try:
            adapter.model._default_manager.filter(**adapter.where)
        except (FieldError, ValueError, TypeError) as error:
            yield _problem("reco.E012", f"ITEMS {adapter.label}: where: {error}.", "Use lookups as in .filter(…).")


def _wrong_path(model: type[Model], path: str) -> str | None:
    """Return what is wrong with a path; it is followed through relations as far as the models say."""
    steps = split(path)
    if path == "__str__":
        return None
    if not _has(model, steps[0]):
        if len(steps) == 1 or "__" in path:
            return f"{model._meta.label} has no {steps[0]!r}"
        try:
            load(path, "path")
        except ConfigError:
            return f"{path!r} is neither a path of {model._meta.label} nor the dotted name of a callable"
        return None
    current: type[Model] | None = model
    for step in steps:
        if current is None:
            return None
        if not _has(current, step):
            return f"{path!r}: {current._meta.label} has no {step!r}"
        current = _leads_to(current, step)
    return None


def _has(model: type[Model], name: str) -> bool:
    meta = getattr(model, "_parler_meta", None)
    translated = meta is not None and name in meta.get_all_fields()
    return translated or hasattr(model, name) or any(f.name == name for f in model._meta.get_fields())


def _leads_to(model: type[Model], name: str) -> type[Model] | None:
    field: Any
    for field in model._meta.get_fields():
        accessor = field.name
        if field.auto_created and not field.concrete and hasattr(field, "get_accessor_name"):
            accessor = field.get_accessor_name() or ""
        if accessor == name and field.is_relation and isinstance(field.related_model, type):
            return field.related_model
    return None


def _wrong_queryset(model: type[Model], path: str) -> str | None:
    steps = split(path)
    if not hasattr(model, steps[0]):
        try:
            load(path, "queryset")
        except ConfigError:
            return f"{path!r} is neither a manager of {model._meta.label} nor the dotted name of a callable"
        return None
    current: Any = model
    for step in steps:
        if not hasattr(current, step):
            return f"{path!r}: there is no {step!r}"
        current = getattr(current, step)
    return None


def _orders(parsed: Settings) -> Iterator[Problem]:
    for spec in parsed.orders:
        try:
            source = Orders(spec)
        except ConfigError as error:
            yield _problem("reco.E020", f"{error}.")
            continue
        for name in ("item", "group", "user", "quantity", "price", "at", "content_type"):
            path = getattr(spec, name)
            wrong = _wrong_path(source.model, path) if path else None
            if wrong:
                yield _problem("reco.E021", f"ORDERS {spec.model}: {name}: {wrong}.")
        for name, lookups in (("where", spec.where), ("refunded", spec.refunded)):
            try:
                source.model._default_manager.filter(**lookups)
            except (FieldError, ValueError, TypeError) as error:
                yield _problem("reco.E021", f"ORDERS {spec.model}: {name}: {error}.", "Use lookups as in .filter(…).")


def _events(parsed: Settings) -> Iterator[Problem]:
    for spec in parsed.events:
        try:
            signal = import_string(spec.signal)
        except ImportError as error:
            yield _problem("reco.E031", f"EVENTS: {spec.signal!r} cannot be imported: {error}.")
            continue
        if not isinstance(signal, Signal):
            yield _problem("reco.E031", f"EVENTS: {spec.signal!r} is {type(signal).__name__}, not a signal.")
        if spec.sender:
            try:
                find_model(spec.sender, f"EVENTS {spec.signal!r} sender")
            except ConfigError as error:
                yield _problem("reco.E031", f"{error}.")


def _callables(parsed: Settings) -> Iterator[Problem]:
    if parsed.consent:
        try:
            load(parsed.consent, "CONSENT")
        except ConfigError as error:
            yield _problem("reco.E040", f"{error}.")
    for name, given in parsed.segments.items():
        if isinstance(given, str):
            try:
                load(given, f'SEGMENTS["{name}"]')
            except ConfigError as error:
                yield _problem("reco.E041", f"{error}.")
    if parsed.store and not parsed.store.startswith(("sqlite:///", "memory://", "postgresql://", "postgres://")):
        yield _problem("reco.E050", f"STORE is {public_url(parsed.store)!r}.")


def _placements(parsed: Settings) -> Iterator[Problem]:
    for name, spec in parsed.placements.items():
        where = f'RECO["PLACEMENTS"]["{name}"]'
        if spec.seeds:
            try:
                load(spec.seeds, f'{where}["seeds"]')
            except ConfigError as error:
                yield _problem("reco.E061", f"{error}.")
        if spec.template:
            try:
                get_template(spec.template)
            except TemplateDoesNotExist:
                yield _problem("reco.E061", f'{where}["template"]: there is no template {spec.template!r}.')


def _surroundings(parsed: Settings) -> Iterator[Problem]:
    if parsed.mode != "inline" and not parsed.store and sqlite_file() is None and not in_memory():
        if not postgres_url():
            yield _problem("reco.W003")
        elif importlib.util.find_spec("asyncpg") is None:
            yield _problem("reco.W007")
    if parsed.consent and "django_reco.middleware.RecoMiddleware" not in settings.MIDDLEWARE:
        yield _problem("reco.W004")
    real = parsed.model != "hashing" and not parsed.model.startswith(("http://", "https://"))
    if parsed.embed_in_web and real and importlib.util.find_spec("sentence_transformers") is None:
        yield _problem("reco.W005")
