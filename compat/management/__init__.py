"""Commands of the protocol: `python manage.py …`."""
