"""Every path outside the OpenAI routes, which tumbler_site/routing.py sends to compat."""

from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("admin/", admin.site.urls),
]
