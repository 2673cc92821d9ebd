"""``HttpRequest`` → who is asking: browser, account, or nobody that is followed.

A visitor is an own signed cookie, made only when ``RECO["CONSENT"]`` says yes for the request; a second one carries the
session from worker to worker. An account is known by its login. Bots, and staff unless wanted, are nobody. Without the
middleware the tags still work: an account is known, a browser only as far as it brought a cookie.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.utils.cache import patch_cache_control

from django_reco import metrics
from django_reco.conf import CookieSettings, get_settings
from django_reco.outage import outages
from django_reco.paths import load
from django_reco.session_cookie import SESSION_SECONDS, SessionCookie
from reco_sdk.interactions.robots import is_robot

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

__all__ = ["SALT", "Visitor", "brings_cookies", "consents", "forget", "on_loop", "remember", "visitor_of"]

logger = logging.getLogger("django_reco")

SALT: Final = "django_reco.visitor"
_SLOT: Final = "_reco_visitor"


@dataclass(slots=True)
class Visitor:
    """Who a request comes from.

    Parameters
    ----------
    visitor_id
        The browser, ``None`` without consent.
    user_id
        The account, ``None`` for nobody logged in.
    followed
        Whether what this request does may be recorded.
    new
        Whether the browser has yet to be given its cookie.
    seen
        Items whose view this request recorded.
    session
        What the browser carries of its session; ``None`` where it carries nothing.
    shown
        Ids of the items that rows of this request show or start from: the next row shows others.
    """

    visitor_id: str | None = None
    user_id: str | None = None
    followed: bool = False
    new: bool = False
    seen: list[str] = field(default_factory=list)
    session: SessionCookie | None = None
    shown: set[str] = field(default_factory=set)


def on_loop() -> bool:
    """Whether this thread runs an event loop now, where Django's ORM refuses to work."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def visitor_of(request: HttpRequest | None) -> Visitor:
    """Return who asks; worked out once a request."""
    if request is None:
        return Visitor()
    known: Visitor | None = getattr(request, _SLOT, None)
    if known is None:
        known = _make(request)
        setattr(request, _SLOT, known)
    return known


def _make(request: HttpRequest) -> Visitor:
    config = get_settings()
    if is_robot(request.META.get("HTTP_USER_AGENT", ""), config.bots):
        metrics.count("visitor.bot")
        return Visitor()
    user = _user(request)
    account = str(user.pk) if user is not None and user.is_authenticated else None
    if config.ignore_staff and user is not None and getattr(user, "is_staff", False):
        return Visitor(user_id=account)
    consent = consents(request)
    if not consent:
        # Saying no covers the account too; having no way to say anything covers the browser only.
        return Visitor() if config.consent else Visitor(user_id=account, followed=account is not None)
    cookie = _cookie(request, config.cookie.name)
    visitor_id = cookie or secrets.token_urlsafe(16)
    name = config.cookie.session_name
    session = SessionCookie(visitor_id, request.COOKIES.get(name)) if name else None
    return Visitor(visitor_id=visitor_id, user_id=account, followed=True, new=cookie is None, session=session)


def consents(request: HttpRequest) -> bool:
    """Whether this browser may be given a cookie; an answer that fails is a no."""
    dotted = get_settings().consent
    if not dotted:
        return False
    try:
        return load(dotted, 'RECO["CONSENT"]')(request) is True
    except Exception as error:
        metrics.count("consent.error")
        if not outages.tells(error):
            logger.warning("reco: %s failed; taken as no consent", dotted, exc_info=True)
        return False


def _cookie(request: HttpRequest, name: str) -> str | None:
    if name not in request.COOKIES:
        return None
    value = request.get_signed_cookie(name, default=None, salt=SALT)
    return value if value and len(value) <= 64 and value.isascii() and value.isprintable() else None


def _user(request: HttpRequest) -> Any:
    """Return the account without a query for browsers that never logged in."""
    cached = getattr(request, "_cached_user", None) or getattr(request, "_acached_user", None)
    if cached is not None:
        return cached
    lazy = request.__dict__.get("user")
    if lazy is None:
        return None
    if type(lazy).__name__ != "SimpleLazyObject":
        return lazy
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or on_loop():
        return None
    return lazy


def remember(request: HttpRequest, response: HttpResponse) -> None:
    """Give a browser that consented its cookies, and take back those of one that no longer does."""
    config = get_settings().cookie
    visitor: Visitor | None = getattr(request, _SLOT, None)
    options = _options(config)
    if visitor is not None and visitor.new and visitor.visitor_id:
        age = config.max_age_seconds
        response.set_signed_cookie(config.name, visitor.visitor_id, salt=SALT, max_age=age, **options)
        # A cache that kept the page with its cookie would make one visitor of many.
        patch_cache_control(response, private=True)
    elif brings_cookies(request) and not consents(request):
        forget(response)
        return
    if visitor is not None and visitor.session is not None and not _is_shared(response):
        text = visitor.session.replacement(visitor.user_id)
        if text:
            response.set_cookie(config.session_name, text, max_age=SESSION_SECONDS, **options)
            patch_cache_control(response, private=True)
        elif text is not None:
            _delete(response, config.session_name, config)


def brings_cookies(request: HttpRequest) -> bool:
    """Whether the browser sent a cookie of ours."""
    config = get_settings().cookie
    return config.name in request.COOKIES or (config.session_name != "" and config.session_name in request.COOKIES)


def forget(response: HttpResponse) -> None:
    """Delete the visitor's cookies."""
    config = get_settings().cookie
    _delete(response, config.name, config)
    if config.session_name:
        _delete(response, config.session_name, config)
    metrics.count("visitor.forgotten")


def _options(config: CookieSettings) -> dict[str, Any]:
    return {
        "secure": settings.SESSION_COOKIE_SECURE if config.secure is None else config.secure,
        "httponly": True,
        "samesite": config.samesite,
        "domain": config.domain,
        "path": config.path,
    }


def _delete(response: HttpResponse, name: str, config: CookieSettings) -> None:
    response.delete_cookie(name, path=config.path, domain=config.domain, samesite=config.samesite)  # type: ignore[arg-type]


def _is_shared(response: HttpResponse) -> bool:
    """Whether caches may keep the page for everybody: a cookie that changes with every page would keep them from it."""
    control = response.headers.get("Cache-Control", "")
    return "public" in control or "s-maxage" in control
