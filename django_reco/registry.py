"""Which of the shop's models are items: from ``RECO["ITEMS"]`` and from ``@reco.register`` in ``<app>/reco.py``."""

# ruff: noqa: SLF001  Model._meta and Model._default_manager are Django's documented API

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.apps import apps
from django.core.signals import setting_changed
from django.db.models import Model

from django_reco.conf import ItemsSpec, get_settings
from django_reco.items import Items
from django_reco.paths import first, load, resolve
from reco_sdk.errors import ConfigError

__all__ = ["adapter_for", "adapters", "find_model", "item_id_of", "register", "registered", "reset", "watched"]

ItemsClass = TypeVar("ItemsClass", bound=type[Items])

_registered: dict[str, type[Items]] = {}
_adapters: dict[str, Items] | None = None
_lock = threading.Lock()


def register(model: str) -> Callable[[ItemsClass], ItemsClass]:
    """Make a class the items of a model; written in ``<app>/reco.py``, which is found by itself.

    Parameters
    ----------
    model
        ``"app_label.Model"``.

    Examples
    --------
    >>> import django_reco as reco
    >>> @reco.register("shop.Product")
    ... class ProductItems(reco.Items):
    ...     text = ["title", "description"]
    """

    def keep(cls: ItemsClass) -> ItemsClass:
        if not (isinstance(cls, type) and issubclass(cls, Items)):
            raise ConfigError(f"@register({model!r}) is put on {cls!r}; it belongs on a subclass of django_reco.Items")
        _registered[model.lower()] = cls
        reset()
        return cls

    return keep


def registered() -> dict[str, type[Items]]:
    """Return the classes that apps registered, by lower-cased model label."""
    return dict(_registered)


def find_model(label: str, setting: str) -> type[Model]:
    """Return an installed model.

    Raises
    ------
    ConfigError
        When there is none of that name.
    """
    try:
        return apps.get_model(label)
    except (LookupError, ValueError) as error:
        raise ConfigError(f"{setting}: there is no installed model {label!r}; write it as 'app_label.Model'") from error


def adapters() -> Mapping[str, Items]:
    """Return one adapter for each item model, by lower-cased label; a registered class wins over the settings.

    Raises
    ------
    ConfigError
        When the settings cannot work, or name a model that is not installed.
    """
    global _adapters  # noqa: PLW0603  built once for each state of the settings
    found = _adapters
    if found is None:
        with _lock:
            classes = {spec.model.lower(): _class_of(spec) for spec in get_settings().items}
            classes.update(_registered)
            found = {}
            for label, cls in classes.items():
                adapter = cls(find_model(label, 'RECO["ITEMS"]'))
                found[adapter.label] = adapter
            bounded = frozenset[str]().union(*(adapter.bounded for adapter in found.values()))
            for adapter in found.values():
                adapter.bounded = bounded
                adapter.priced_by_site = any(other.path("prices") for other in found.values())
            _adapters = found
    return found


def _class_of(spec: ItemsSpec) -> type[Items]:
    if not spec.adapter:
        return Items.from_spec(spec)
    setting = f'RECO["ITEMS"] {spec.model} adapter'
    found = load(spec.adapter, setting)
    if not (isinstance(found, type) and issubclass(found, Items)):
        raise ConfigError(f"{setting}: {spec.adapter!r} is no subclass of django_reco.Items")
    return found.from_spec(spec)


def adapter_for(obj: Any) -> Items | None:
    """Return the adapter of an instance or a model, that of a parent class included; ``None`` for no item."""
    model = obj if isinstance(obj, type) else obj.__class__  # a lazy object says here what it wraps
    known = adapters()
    for cls in model.__mro__:
        meta = getattr(cls, "_meta", None)
        if meta is not None and getattr(meta, "label_lower", None) in known:
            return known[meta.label_lower]
    return None


def item_id_of(obj: Any) -> str | None:
    """Return the item id of an instance, or of a text that is one already; ``None`` for what is no item."""
    if isinstance(obj, str):
        return obj if obj.partition(":")[0] in adapters() else None
    if not isinstance(obj, Model):
        return None
    adapter = adapter_for(obj)
    return None if adapter is None or obj.pk is None else adapter.item_id(obj)


def watched() -> dict[type[Model], list[tuple[Items, str]]]:
    """Return the other models whose save marks items: model → (adapter, path from it to the item).

    Raises
    ------
    ConfigError
        For a model that is not installed, or one from which the way to the item is not clear.
    """
    out: dict[type[Model], list[tuple[Items, str]]] = {}
    for adapter in adapters().values():
        given = adapter.watch
        entries = given if isinstance(given, Mapping) else dict.fromkeys(given, "")
        for label, path in entries.items():
            model = find_model(label, f"{adapter.label} watch")
            out.setdefault(model, []).append((adapter, path or _way(model, adapter)))
    return out


def _way(model: type[Model], adapter: Items) -> str:
    """Return the one field that leads from a watched model to the item."""
    ways = [f.name for f in model._meta.get_fields() if f.is_relation and not f.auto_created and f.related_model is adapter.model]
    if len(ways) != 1:
        shown = ", ".join(ways) or "none"
        raise ConfigError(
            f"{adapter.label} watch: {model._meta.label} leads to it by {shown}; give the path: {{{model._meta.label!r}: 'path'}}"
        )
    return ways[0]


def items_behind(instance: Model, path: str) -> list[str]:
    """Return the ids of the items at the end of ``path``."""
    reached = resolve(instance, path)
    objects = reached if isinstance(reached, list | tuple) else [first(reached)]
    return [found for found in (item_id_of(obj) for obj in objects if obj is not None) if found]


def reset(*, setting: str = "RECO", **_: Any) -> None:
    """Forget the adapters when ``RECO`` changes."""
    global _adapters  # noqa: PLW0603  built once for each state of the settings
    if setting in {"RECO", "INSTALLED_APPS"}:
        _adapters = None


def _after_fork() -> None:
    """Have a lock of the child's own: one that another thread held at the fork would never be released here."""
    global _lock  # noqa: PLW0603  the module's one lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
setting_changed.connect(reset, dispatch_uid="django_reco.registry")
