"""The paths of the pages of people with an account."""

from django.urls import path
from django.views.generic import RedirectView

from accounts.pages import dashboard, tokens

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="dashboard")),
    path("usage/", dashboard.dashboard, name="dashboard"),
    path("usage.csv", dashboard.export, name="usage-export"),
    path("tokens/", tokens.listed, name="tokens"),
    path("tokens/new/", tokens.new, name="token-new"),
    path("tokens/<int:pk>/", tokens.one, name="token"),
    path("tokens/<int:pk>/rotate/", tokens.rotate, name="token-rotate"),
    path("tokens/<int:pk>/revoke/", tokens.revoke, name="token-revoke"),
]
