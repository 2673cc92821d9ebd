"""Paths such as ``"category.name"``, followed on instances.

A step may be an attribute, a key of a mapping, a callable without arguments, or a manager (every object of it).
Where a step yields several objects, the next step is taken on each.
"""

# ruff: noqa: SLF001  Model._meta and Model._default_manager are Django's documented API

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db.models import Manager, Model, QuerySet
from django.utils.module_loading import import_string
from django.utils.translation import get_language

from reco_sdk.errors import ConfigError

__all__ = ["MISSING", "as_list", "first", "load", "lookup_of", "model_at", "relations_of", "resolve", "split", "translated"]

MISSING: Final = object()


@lru_cache(maxsize=1_024)
def split(path: str) -> tuple[str, ...]:
    """Return the steps of a path, written with dots or double underscores."""
    return tuple(path.replace("__", ".").split("."))


def resolve(root: object, path: str) -> Any:
    """Return what stands at ``path``; ``None`` where a step is empty.

    Raises
    ------
    ConfigError
        When a step names nothing on an object that is there.
    """
    value: Any = root
    for name in split(path):
        if value is None:
            return None
        if isinstance(value, list | tuple):
            taken = [_step(entry, name, path) for entry in value if entry is not None]
            value = [inner for entry in taken for inner in (entry if isinstance(entry, list | tuple) else [entry])]
        else:
            value = _step(value, name, path)
    return value


def _step(value: Any, name: str, path: str) -> Any:
    if isinstance(value, Mapping):
        found = value.get(name, MISSING)
    else:
        text = translated(value, name)
        if text is not MISSING:
            return text
        try:
            found = getattr(value, name, MISSING)
        except ObjectDoesNotExist:
            return None
    if found is MISSING:
        if isinstance(value, Mapping):
            return None
        raise ConfigError(f"path {path!r}: {type(value).__name__} has no {name!r}")
    if isinstance(found, Manager):
        return list(found.all())
    if isinstance(found, QuerySet):
        return list(found)
    if callable(found) and not isinstance(found, type) and not isinstance(found, Model):
        if getattr(found, "alters_data", False):
            raise ConfigError(f"path {path!r}: {name!r} changes data and is never called")
        try:
            found = found()
        except ObjectDoesNotExist:
            return None
        return list(found) if isinstance(found, QuerySet) else found
    return found


def translated(value: Any, name: str) -> Any:
    """Return a field that django-parler translates, in the active language, else in any; ``MISSING`` for another field."""
    meta = getattr(value, "_parler_meta", None)
    getter = getattr(value, "safe_translation_getter", None)
    if meta is None or getter is None or name not in meta.get_all_fields():
        return MISSING
    return getter(name, language_code=get_language(), any_language=True)


def load(dotted: str, setting: str) -> Callable[..., Any]:
    """Import a callable by its dotted name.

    Raises
    ------
    ConfigError
        When there is none, naming the setting it came from.
    """
    try:
        found = import_string(dotted)
    except ImportError as error:
        raise ConfigError(f"{setting}: {dotted!r} cannot be imported: {error}") from error
    if not callable(found):
        raise ConfigError(f"{setting}: {dotted!r} is {type(found).__name__}, not callable")
    return found  # type: ignore[no-any-return]


def as_list(value: Any) -> list[Any]:
    """Return the entries of ``value``, whether it is one, several or none."""
    if value is None or value == "":
        return []
    if isinstance(value, str) or not isinstance(value, Iterable) or isinstance(value, Mapping):
        return [value]
    return [entry for entry in value if entry is not None and entry != ""]


def first(value: Any) -> Any:
    """Return the first of several values, or the value itself."""
    if isinstance(value, list | tuple):
        return next((entry for entry in value if entry is not None), None)
    return value


def relations_of(model: type[Model], paths: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return what to ``select_related`` and what to ``prefetch_related`` so that ``paths`` need no query of their own."""
    joined: dict[str, None] = {}
    prefetched: dict[str, None] = {}
    for path in paths:
        current: type[Model] | None = model
        prefix: list[str] = []
        many = False
        for name in split(path):
            relation = _relation(current, name) if current is not None else None
            if relation is None:
                table = _translations(current, name) if current is not None else None
                if table:
                    prefetched["__".join([*prefix, table])] = None
                break
            name, current, several = relation  # noqa: PLW2901  the accessor's real name
            many = many or several
            prefix.append(name)
            (prefetched if many else joined)["__".join(prefix)] = None
    return list(joined), list(prefetched)


def _relation(model: type[Model], name: str) -> tuple[str, type[Model] | None, bool] | None:
    """Return (accessor, model it leads to, whether to many) of a relation, ``None`` for anything else."""
    candidate: Any
    for candidate in model._meta.get_fields():
        accessor = candidate.name
        if candidate.auto_created and not candidate.concrete and hasattr(candidate, "get_accessor_name"):
            accessor = candidate.get_accessor_name() or ""
        if accessor != name or not candidate.is_relation:
            continue
        related = candidate.related_model
        many = bool(candidate.many_to_many or candidate.one_to_many)
        if not isinstance(related, type):
            # A generic foreign key: it leads to several models, and can only be prefetched.
            return accessor, None, True
        return accessor, related, many
    return None


def _translations(model: type[Model], name: str) -> str | None:
    """Return the relation to django-parler's translations of a field."""
    meta = getattr(model, "_parler_meta", None)
    if meta is None or name not in {*meta.get_all_fields(), "get_available_languages"}:
        return None
    return str(meta.root_rel_name)


def model_at(model: type[Model], path: str) -> type[Model] | None:
    """Return the model of the objects, or of the keys, that a path leads to; ``None`` for other values."""
    current: type[Model] | None = model
    for name in split(path):
        if current is None:
            return None
        relation = _relation(current, name) or _relation(current, name.removesuffix("_id"))
        current = None if relation is None else relation[1]
    return current


def lookup_of(model: type[Model], path: str) -> str | None:
    """Return ``path`` as an ORM lookup, ``None`` when it leads through anything but concrete fields."""
    current: type[Model] | None = model
    steps = split(path)
    for position, name in enumerate(steps):
        if current is None:
            return None
        try:
            found = current._meta.get_field(name)
        except FieldDoesNotExist:
            if position == len(steps) - 1 and name.endswith("_id"):
                try:
                    return "__".join(steps) if current._meta.get_field(name[:-3]).is_relation else None
                except FieldDoesNotExist:
                    return None
            return None
        if not found.concrete or found.many_to_many:
            return None
        related = found.related_model if found.is_relation else None
        current = related if isinstance(related, type) else None
    return "__".join(steps)
