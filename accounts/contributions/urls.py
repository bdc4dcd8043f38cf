"""The paths of the contributors' pages."""

from django.urls import path

from accounts.contributions import views

urlpatterns = [
    path("contribute/", views.contribute, name="contribute"),
    path("contribute/receipt/", views.receipt, name="receipt"),
    path("status/", views.status_page, name="status"),
    path("status.json", views.status_json, name="status-json"),
    path("privacy/", views.privacy_page, name="privacy"),
    path("privacy.json", views.privacy_json, name="privacy-json"),
]
