"""Login services that do not answer."""

import logging

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin
from requests import RequestException

logger = logging.getLogger(__name__)


class AwayServices(MiddlewareMixin):
    """Middleware: one that cannot even be asked where its login is gets the page that its refusals get.

    django-allauth catches this on the way back from the service, not on the way there.
    """

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """The page, or None where something else broke."""
        if not isinstance(exception, RequestException):
            return None
        logger.warning("A login service did not answer as it should (%s).", type(exception).__name__)
        return render(request, "socialaccount/authentication_error.html", status=502)
