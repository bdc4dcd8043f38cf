"""The door of the pages: sign-up, login, second factors. django-allauth does it; here is where this site differs."""
