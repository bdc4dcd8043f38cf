"""The ASGI app that every server runs: Django first, then the router."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tumbler_site.settings")
application = get_asgi_application()
