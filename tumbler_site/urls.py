"""Every path outside the OpenAI routes, which tumbler_site/routing.py sends to compat."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView
from django.views.i18n import set_language

from accounts.admin.live import live
from accounts.pages import ephemeral, requests
from compat import browser
from compat.openapi import pages as openapi
from tumbler_site import pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("", include("accounts.contributions.urls")),
    # A forged choice of a language harms nobody, and the public pages need no cookie against it.
    path("language/", csrf_exempt(set_language), name="language"),
    path("admin/live/", admin.site.admin_view(live), name="live"),
    path("accounts/requests/", requests.find, name="requests"),
    path("accounts/requests/<str:request_id>/", requests.one, name="request"),
    path("accounts/browser-token/", ephemeral.token, name="ephemeral-token"),
    path("connect/", browser.connect, name="connect"),
    path("playground/", browser.playground, name="playground"),
    path("openapi.json", openapi.as_json, name="openapi"),
    path("docs/", openapi.docs, name="docs"),
    path("accounts/", include("accounts.pages.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    # Browsers ask for it wherever a page names no picture, the admin's for instance.
    path("favicon.ico", RedirectView.as_view(url=static("pages/tumbler.svg"))),
]

handler400 = "tumbler_site.pages.bad_request"
handler403 = "tumbler_site.pages.forbidden"
handler404 = "tumbler_site.pages.not_found"
handler500 = "tumbler_site.pages.broken"
