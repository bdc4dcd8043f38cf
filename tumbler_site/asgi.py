"""The ASGI app that every server runs: Django first, then the router, which needs it loaded."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tumbler_site.settings")

from django.core.asgi import get_asgi_application

_django = get_asgi_application()

from tumbler_site.routing import Router  # noqa: E402 (the apps must be loaded first)

application = Router(_django)
