"""The paths of the pages of people with an account."""

from django.urls import path
from django.views.generic import RedirectView

from accounts.pages import batches, dashboard, tokens

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="dashboard")),
    path("usage/", dashboard.dashboard, name="dashboard"),
    path("usage.csv", dashboard.export, name="usage-export"),
    path("batches/", batches.listed, name="batches"),
    path("batches/<str:batch_id>/cancel/", batches.cancel, name="batch-cancel"),
    path("batches/<str:batch_id>/<str:kind>/", batches.results, name="batch-results"),
    path("tokens/", tokens.listed, name="tokens"),
    path("tokens/new/", tokens.new, name="token-new"),
    path("tokens/<int:pk>/", tokens.one, name="token"),
    path("tokens/<int:pk>/rotate/", tokens.rotate, name="token-rotate"),
    path("tokens/<int:pk>/revoke/", tokens.revoke, name="token-revoke"),
]
