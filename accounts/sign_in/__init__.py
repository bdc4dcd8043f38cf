"""Sign-up, login and second factors of the pages. django-allauth does it; here is where this site differs."""
