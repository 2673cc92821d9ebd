"""The visitor's cookies, under WSGI and ASGI alike."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any

from asgiref.sync import markcoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from django_reco import context, metrics
from django_reco.caching import mark_private
from django_reco.conf import get_settings
from django_reco.outage import outages
from reco_sdk.errors import ConfigError

__all__ = ["RecoMiddleware"]

logger = logging.getLogger("django_reco")


class RecoMiddleware:
    """Makes the visitor's cookies with consent, takes them back without.

    Parameters
    ----------
    get_response
        The next layer, sync or async.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        """Answer the request, and see to the cookies on the way back."""
        if self.is_async:
            return self._acall(request)
        response: HttpResponse = self.get_response(request)
        return self._finish(request, response)

    async def _acall(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = await self.get_response(request)
        # The shop's consent callable may ask the session, which is in the database.
        return await sync_to_async(self._finish)(request, response) if self._concerned(request) else response

    @staticmethod
    def _concerned(request: HttpRequest) -> bool:
        try:
            return hasattr(request, "_reco_visitor") or context.brings_cookies(request)
        except ConfigError:
            return False  # the system checks say what is wrong

    def _finish(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        try:
            mark_private(request, response)
            context.remember(request, response)
            if hasattr(request, "_reco_visitor") and (get_settings().consent or settings.SESSION_COOKIE_NAME in request.COOKIES):
                patch_vary_headers(response, ("Cookie",))
        except Exception as error:
            metrics.count("middleware.error")
            if not outages.tells(error):
                logger.exception("reco: the visitor's cookies could not be set")
        return response
