"""What ``settings.RECO`` holds, as frozen types; each field is one setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reco_sdk.interactions.robots import ROBOTS

__all__ = ["CookieSettings", "EventSpec", "ItemsSpec", "OrdersSpec", "Problem", "Settings"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing in the settings that cannot work: the id of its system check, what it is, and the mend."""

    check_id: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieSettings:
    """``RECO["COOKIE"]``: the visitor's signed cookies, made only with consent.

    Parameters
    ----------
    name
        Name of the cookie that knows the visitor again.
    session_name
        Name of the cookie that carries the visitor's session from worker to worker; empty: none is made, and another worker
        knows the session once it was written and read.
    max_age_seconds
        How long a browser keeps the first; the second is kept for 30 minutes.
    secure
        Over HTTPS only; ``None`` follows ``SESSION_COOKIE_SECURE``.
    samesite, domain, path
        As in ``HttpResponse.set_cookie``.
    """

    name: str = "reco_visitor"
    session_name: str = "reco_session"
    max_age_seconds: int = 180 * 86_400
    secure: bool | None = None
    samesite: str = "Lax"
    domain: str | None = None
    path: str = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemsSpec:
    """One entry of ``RECO["ITEMS"]``: a model, and where the fields of an item stand in it.

    A *path* is a dotted name (``"category.name"``) that is followed on the instance through attributes, callables,
    managers and mappings. What is left out is guessed from the model's field names; ``reco_doctor`` prints the guesses,
    and ``""`` turns one off.

    Parameters
    ----------
    model
        ``"app_label.Model"``.
    adapter
        Dotted name of the subclass of :class:`django_reco.Items` that the entry narrows; empty: ``Items`` itself.
    text
        Paths whose values are what the item is about (the first is the title, unless ``title`` is given), or the dotted
        name of a callable that takes the instance and returns text.
    queryset
        What may be recommended: a manager or method of the model (``"published"``, ``"objects.browsable"``) or the
        dotted name of a callable.
    where
        Lookups that narrow ``queryset``.
    result_queryset
        What may be *shown*, in one query: as ``queryset``; a callable is given the request.
    same_for_all
        Whether ``result_queryset`` gives every request the same rows, so that rows go on showing what they showed before while
        the database is away. By default, where ``result_queryset`` is not given.
    canonical
        Path from a variant to the product that stands for it; such variants are not items of their own.
    group
        Path to a value that variants share; a slate shows one of them.
    watch
        Other models whose save marks the item: ``{"shop.Stock": "product"}`` with the path from them to the item.
    title, description, brand, price, sale_price, currency, available, quantity, categories, tags, image, url, rating, \
    rating_count, published, expires, language
        Paths, or dotted names of callables that take the instance. Of several prices (of variants) the lowest counts, of several
        quantities the sum.
    languages
        Path to the languages that the item is offered in (``"get_available_languages"`` with django-parler); a row keeps to the
        one that is active. Empty: no bound.
    sites
        Path to the sites or channels that the item may be shown on, as objects or keys; a row keeps to the request's, see
        ``SITE``. Empty: no bound.
    prices
        Path to what each site or channel asks: ``{site: price}``, ``{site: (price, currency)}``, or ``{site: {"price": …,
        "sale_price": …, "currency": …}}``; elsewhere ``price`` counts. Filters, rules and rows read what the request's site asks.
    prefetch
        Relations that callables read, for ``prefetch_related``.
    attributes
        Facet name → path.
    """

    model: str
    adapter: str = ""
    text: tuple[str, ...] | None = None
    queryset: str | None = None
    where: Mapping[str, Any] = field(default_factory=dict)
    result_queryset: str | None = None
    same_for_all: bool | None = None
    canonical: str | None = None
    group: str | None = None
    watch: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None
    description: str | None = None
    brand: str | None = None
    price: str | None = None
    sale_price: str | None = None
    currency: str | None = None
    available: str | None = None
    quantity: str | None = None
    categories: str | None = None
    tags: str | None = None
    image: str | None = None
    url: str | None = None
    rating: str | None = None
    rating_count: str | None = None
    published: str | None = None
    expires: str | None = None
    language: str | None = None
    languages: str | None = None
    sites: str | None = None
    prices: str | None = None
    prefetch: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersSpec:
    """One entry of ``RECO["ORDERS"]``: the shop's order lines, read as purchases.

    Parameters
    ----------
    model
        ``"app_label.OrderLine"``: one row for one item of one order.
    item
        Path from the line to the item (or to a variant of it); with ``content_type``, the field that holds the id.
    group
        Path to what the lines of one order share.
    user
        Path to the account that bought.
    quantity, price
        Paths to pieces and to the price of one piece.
    at
        Path to the time of the purchase; with an ORM path, lines are read in its order.
    where
        Lookups of the lines that count, for example ``{"order__paid": True}``.
    refunded
        Lookups of the lines that were bought and cancelled or given back, for example ``{"order__status": "refunded"}``: each
        takes its purchase back.
    content_type
        Field that names the model of a generic line.
    """

    model: str
    item: str
    group: str | None = None
    user: str | None = None
    quantity: str | None = None
    price: str | None = None
    at: str | None = None
    where: Mapping[str, Any] = field(default_factory=dict)
    refunded: Mapping[str, Any] = field(default_factory=dict)
    content_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSpec:
    """One entry of ``RECO["EVENTS"]``: a signal of the shop, read as an interaction.

    Parameters
    ----------
    signal
        Dotted name of the signal.
    kind
        Kind of the interaction.
    item, request, user, query, quantity, value
        Paths into what the signal sends: ``"product"``, ``"line.product"``. An order line of ``RECO["ORDERS"]`` in
        the place of an item is recorded as the purchase that reading the orders would make of it, once it is committed; it counts
        once.
    sender
        ``"app_label.Model"``, where only what this model sends is meant.
    """

    signal: str
    kind: str
    item: str | None = None
    request: str = "request"
    user: str = "user"
    query: str | None = None
    quantity: str | None = None
    value: str | None = None
    sender: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``settings.RECO``, checked.

    Parameters
    ----------
    preset
        Name of the settings that a known shop needs, ``"oscar"``; what is given beside it wins.
    items, orders, events
        The shop's models and signals.
    mode
        ``"poll"`` (changes are looked for), ``"listen"`` (PostgreSQL announces them as well, so that they are there sooner)
        or ``"inline"`` (for tests: everything at once).
    store
        Address of the store; empty: the default database where that is SQLite or PostgreSQL, else a SQLite file beside the
        project.
    listen_dsn
        For ``"listen"``: an address of the store's database that leads past any pooler; empty: that of the store.
    state_dir
        Folder of the snapshots; empty: beside the store.
    model
        Text model: a name, a folder, ``"hashing"`` or the address of an embedding service.
    embed_in_web
        Whether a web process may load the text model (and with it torch).
    consent
        Dotted name of ``callable(request) -> bool``; empty: no visitor cookie is made.
    site
        Dotted name of ``callable(request)`` that returns the key of the site or channel a request is on, where ``sites`` of an
        entry of ``items`` bounds rows; empty: ``django.contrib.sites``' current site.
    segments
        Groups of shoppers that rules may be meant for: name to ``callable(request) -> bool`` or its dotted name, asked only where
        a rule speaks of the segment. ``new_visitor``, ``returning_visitor`` and ``customer`` are there without.
    cookie
        The visitor's cookie.
    bots
        User agents that are not followed; an empty user agent never is.
    ignore_staff
        Whether what staff do is left out.
    track_views
        Whether the item page's row records the view, where no entry of ``events`` does.
    deadline_ms, cache_ttl_seconds
        As in :class:`reco_sdk.config.Config`.
    poll_seconds, orders_seconds, sweep_seconds
        How often changes, orders, and everything are looked at.
    start_seconds
        How long the first request waits for the recommender to load.
    spare
        So many more items are asked for than shown, to replace those that may not be shown any more.
    placements
        What is asked for at each placement, and how it is shown, where it is not the default.
    base_url
        Address of the shop, ``"https://shop.example"``, for links in mails; empty: that of the site of
        ``django.contrib.sites``.
    config
        Further fields of :class:`reco_sdk.config.Config`.
    """

    preset: str = ""
    items: tuple[ItemsSpec, ...] = ()
    orders: tuple[OrdersSpec, ...] = ()
    events: tuple[EventSpec, ...] = ()
    mode: str = "poll"
    store: str = ""
    listen_dsn: str = ""
    state_dir: str = ""
    model: str = "all-MiniLM-L6-v2"
    embed_in_web: bool = False
    consent: str = ""
    site: str = ""
    segments: Mapping[str, str | Callable[..., Any]] = field(default_factory=dict)
    cookie: CookieSettings = field(default_factory=CookieSettings)
    bots: str = ROBOTS
    ignore_staff: bool = True
    track_views: bool = True
    deadline_ms: float = 50.0
    cache_ttl_seconds: float = 30.0
    poll_seconds: float = 0.25
    orders_seconds: float = 10.0
    sweep_seconds: float = 300.0
    start_seconds: float = 1.0
    spare: int = 4
    placements: Mapping[str, Any] = field(default_factory=dict)
    base_url: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
