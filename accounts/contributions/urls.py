"""The paths of the contributors' pages."""

from django.urls import path

from accounts.contributions.views import contribute, public, receipt

urlpatterns = [
    path("contribute/", contribute.contribute, name="contribute"),
    path("contribute/receipt/", receipt.receipt, name="receipt"),
    path("status/", public.status_page, name="status"),
    path("status.json", public.status_json, name="status-json"),
    path("privacy/", public.privacy_page, name="privacy"),
    path("privacy.json", public.privacy_json, name="privacy-json"),
]
