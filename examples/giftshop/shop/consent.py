"""The visitor's answer to the cookie banner."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse

COOKIE: Final = "consent"
ACCEPTED: Final = "accepted"
DECLINED: Final = "declined"
MAX_AGE_SECONDS: Final = 180 * 24 * 3600


def has_consent(request: HttpRequest) -> bool:
    return request.COOKIES.get(COOKIE) == ACCEPTED


def has_answered(request: HttpRequest) -> bool:
    return request.COOKIES.get(COOKIE) in (ACCEPTED, DECLINED)


def remember(response: HttpResponse, *, accepted: bool) -> None:
    response.set_cookie(COOKIE, ACCEPTED if accepted else DECLINED, max_age=MAX_AGE_SECONDS, samesite="Lax", httponly=True)
