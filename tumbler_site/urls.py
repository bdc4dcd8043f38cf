"""Every path outside the OpenAI routes, which tumbler_site/routing.py sends to compat."""

from django.contrib import admin
from django.urls import include, path

from tumbler_site import pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("", include("accounts.contributions.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "tumbler_site.pages.bad_request"
handler403 = "tumbler_site.pages.forbidden"
handler404 = "tumbler_site.pages.not_found"
handler500 = "tumbler_site.pages.broken"
