"""How the site is served: one ASGI app under daphne or uvicorn, one process or several, with a quiet end."""
