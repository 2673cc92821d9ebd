"""Signals of the shop: a saved item is marked, an event is recorded, a login joins browser and account.

Receivers do nothing else, and never raise. They are connected to the models concerned only: a receiver for every
sender would cost each of the shop's deletes its fast path.
"""

# ruff: noqa: SLF001  Model._meta and Model._default_manager are Django's documented API

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from django.apps import apps
from django.contrib.auth.signals import user_logged_in
from django.core.signals import setting_changed
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import Signal
from django.utils.module_loading import import_string

from django_reco import dirty, events, metrics, registry
from django_reco.conf import get_settings
from django_reco.items import Items
from reco_sdk.errors import ConfigError

__all__ = ["connect", "disconnect"]

logger = logging.getLogger("django_reco")

_connected: list[tuple[Signal, Callable[..., Any], Any]] = []


def connect() -> None:
    """Connect to the models and signals that the settings name; settings that cannot work are left to the checks."""
    disconnect()
    user_logged_in.connect(_on_login, dispatch_uid="django_reco.login")
    try:
        adapters = registry.adapters()
        watched = registry.watched()
        specs = get_settings().events
    except ConfigError:
        return
    for adapter in adapters.values():
        for model in _family(adapter.model):
            _watch(model, partial(_own_ids, adapter))
            for field in model._meta.many_to_many:
                _connect(m2m_changed, partial(_on_m2m, adapter), field.remote_field.through)
    for model, ways in watched.items():
        for _adapter, path in ways:
            for member in _family(model):
                _watch(member, partial(_ids_behind, path))
    for spec in specs:
        try:
            signal = import_string(spec.signal)
            sender = registry.find_model(spec.sender, 'RECO["EVENTS"]') if spec.sender else None
        except (ImportError, ConfigError):
            continue  # a system check says so
        if isinstance(signal, Signal):
            _connect(signal, partial(events.on_signal, spec), sender)


def disconnect() -> None:
    """Take every receiver off again."""
    for signal, receiver, sender in _connected:
        signal.disconnect(receiver, sender=sender)
    _connected.clear()


def _connect(signal: Signal, receiver: Callable[..., Any], sender: Any) -> None:
    signal.connect(receiver, sender=sender, weak=False)
    _connected.append((signal, receiver, sender))


def _family(model: type[Model]) -> list[type[Model]]:
    """Return a model with its proxies and children: each sends signals under its own name."""
    return [m for m in apps.get_models(include_auto_created=True) if issubclass(m, model)]


def _watch(model: type[Model], ids_of: Callable[[Model], list[str]]) -> None:
    for signal in (post_save, post_delete):
        _connect(signal, partial(_on_change, ids_of), model)


def _on_change(ids_of: Callable[[Model], list[str]], /, *, instance: Model, using: str, **kwargs: Any) -> None:
    if kwargs.get("raw"):
        return  # a fixture: what it refers to may not be there yet, and the sweep finds it
    try:
        ids = ids_of(instance)
    except Exception:
        metrics.count("dirty.error")
        logger.warning("reco: could not tell which items %r changes; the sweep will find them", type(instance), exc_info=True)
        return
    dirty.mark(ids, using)


def _own_ids(adapter: Items, instance: Model) -> list[str]:
    # A variant marks its product too; itself as well, since it may have been an item of its own before.
    own = f"{adapter.label}:{instance.pk}"
    return [own] if not adapter.canonical else [own, adapter.item_id(instance)]


def _ids_behind(path: str, instance: Model) -> list[str]:
    return registry.items_behind(instance, path)


def _on_m2m(
    adapter: Items, /, *, instance: Model, action: str, reverse: bool, pk_set: set[Any] | None, using: str, **_: Any
) -> None:
    if action not in {"post_add", "post_remove", "post_clear"}:
        return
    if not reverse:
        dirty.mark([f"{adapter.label}:{instance.pk}"], using)
    elif pk_set:
        dirty.mark([f"{adapter.label}:{pk}" for pk in pk_set], using)


def _on_login(*, request: Any = None, user: Any = None, **_: Any) -> None:
    events.on_login(request, user)


def _on_setting(*, setting: str, **_: Any) -> None:
    if setting == "RECO" and apps.ready:
        connect()


setting_changed.connect(_on_setting, dispatch_uid="django_reco.receivers")
