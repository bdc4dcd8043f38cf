"""Every setting once, grouped; each that comes from outside is read through env.py. docs/settings.md lists them."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from tumbler_site.env import env_bool, env_choice, env_float, env_int, env_level, env_list, env_secret, env_str
from tumbler_site.generated import derived_secret, generated_secrets, make_data_dir
from tumbler_site.logins import login_services
from tumbler_site.mail import mail_settings

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = make_data_dir(Path(env_str("TUMBLER_DATA_DIR", str(BASE_DIR / "var"))))

# --- Secrets ---------------------------------------------------------------------------------------------
_generated = generated_secrets(DATA_DIR)
SECRET_KEY = env_secret("TUMBLER_SECRET_KEY") or _generated["secret_key"]
ENCRYPTION_KEYS = [
    key.strip()
    for key in (env_secret("TUMBLER_ENCRYPTION_KEYS") or _generated["encryption_keys"]).split(",")
    if key.strip()
]
TOKEN_PEPPERS = [
    pepper.strip()
    for pepper in (env_secret("TUMBLER_TOKEN_PEPPERS") or derived_secret(SECRET_KEY, "issued tokens")).split(",")
    if pepper.strip()
]
FINGERPRINT_KEY = derived_secret(SECRET_KEY, "contributed key fingerprints")
RECEIPT_KEY = derived_secret(SECRET_KEY, "receipt codes")
LABEL_KEY = derived_secret(SECRET_KEY, "sub-user labels")

# --- The upstream ----------------------------------------------------------------------------------------
# `serve` sets TUMBLER_SIMULATOR for its workers when the built-in simulator is the upstream.
SIMULATOR = env_bool("TUMBLER_SIMULATOR")
GEMINI_BASE_URL = env_str("GEMINI_BASE_URL", "https://generativelanguage.googleapis.com").rstrip("/")
DEFAULT_MODEL = env_str("DEFAULT_MODEL", "gemini-2.5-pro-exp-03-25")
UNKNOWN_MODELS = env_choice("TUMBLER_UNKNOWN_MODELS", "default", ("default", "refuse"))
CONNECT_SECONDS = env_float("TUMBLER_CONNECT_SECONDS", 5.0)
FIRST_BYTE_SECONDS = env_float("TUMBLER_FIRST_BYTE_SECONDS", 300.0)
IDLE_SECONDS = env_float("TUMBLER_IDLE_SECONDS", 60.0)
TOTAL_SECONDS = env_float("TUMBLER_TOTAL_SECONDS", 900.0)
KEY_DEADLINE_SECONDS = env_float("TUMBLER_KEY_DEADLINE_SECONDS", 15.0)
KEEP_ALIVE_SECONDS = env_float("TUMBLER_KEEP_ALIVE_SECONDS", 10.0)

# --- Who may come, from where ----------------------------------------------------------------------------
DEBUG = env_bool("TUMBLER_DEBUG")
OPEN_ACCESS = env_bool("TUMBLER_OPEN_ACCESS")
ALLOWED_HOSTS = env_list("TUMBLER_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]", ".localhost"])
CSRF_TRUSTED_ORIGINS = env_list("TUMBLER_CSRF_TRUSTED_ORIGINS")
CORS_ORIGINS = env_list("TUMBLER_CORS_ORIGINS", ["*"])
TRUSTED_PROXIES = env_int("TUMBLER_TRUSTED_PROXIES", 0)
MAX_BODY_BYTES = env_int("TUMBLER_MAX_BODY_BYTES", 20 * 1024 * 1024, at_least=1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_AGE = 8 * 60 * 60
CSRF_COOKIE_AGE = None  # it ends with the browser
CSRF_FAILURE_VIEW = "tumbler_site.pages.forged"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env_bool("TUMBLER_HTTPS_ONLY")

# --- Contributed keys --------------------------------------------------------------------------------------
MODERATE_CONTRIBUTIONS = env_bool("TUMBLER_MODERATE_CONTRIBUTIONS")
CONTRIBUTIONS_PER_ADDRESS = env_int("TUMBLER_CONTRIBUTIONS_PER_ADDRESS", 30, at_least=1)
CONTRIBUTIONS_PER_HOUR = env_int("TUMBLER_CONTRIBUTIONS_PER_HOUR", 300, at_least=1)
CHECK_SECONDS = env_float("TUMBLER_CHECK_SECONDS", 30.0)
JOIN_PROJECTS = env_bool("TUMBLER_JOIN_PROJECTS")
QUARANTINE_SUCCESSES = env_int("TUMBLER_QUARANTINE_SUCCESSES", 20)
RECIPROCITY = env_bool("TUMBLER_RECIPROCITY")
RECIPROCITY_RPM = env_int("TUMBLER_RECIPROCITY_RPM", 5, at_least=1)
RECIPROCITY_RPD = env_int("TUMBLER_RECIPROCITY_RPD", 100, at_least=1)
RECIPROCITY_DAYS = env_int("TUMBLER_RECIPROCITY_DAYS", 90, at_least=1)

# --- Accounts of people ----------------------------------------------------------------------------------
SIGN_UP = env_choice("TUMBLER_SIGN_UP", "invitation", ("open", "invitation", "closed"))
STAFF_SECOND_FACTOR = env_bool("TUMBLER_STAFF_SECOND_FACTOR")
LOGIN_APPS, SOCIALACCOUNT_PROVIDERS, LOGIN_ORIGINS = login_services()
EMAIL = mail_settings(env_secret("TUMBLER_EMAIL_URL"))
EMAIL_BACKEND, EMAIL_HOST, EMAIL_PORT = EMAIL.backend, EMAIL.host, EMAIL.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = EMAIL.user, EMAIL.password
EMAIL_USE_TLS, EMAIL_USE_SSL, EMAIL_TIMEOUT = EMAIL.starttls, EMAIL.tls, 20
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env_str("TUMBLER_EMAIL_FROM", "Gemini Tumbler <tumbler@localhost>")
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard"
ACCOUNT_LOGOUT_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "accounts.sign_in.adapters.AccountAdapter"
ACCOUNT_FORMS = {"login": "accounts.sign_in.forms.LoginForm", "signup": "accounts.sign_in.forms.SignupForm"}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
# No name is asked for at the sign-up: that one is taken would tell who has an account.
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USERNAME_BLACKLIST = ["anonymous", "admin", "root", "staff", "operator"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
# Codes, not links: a mail never names an address of ours that a forged Host header could choose.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_NOTIFICATIONS = EMAIL.sends
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
# By address only: failures of one must not lock the account for its owner elsewhere.
ACCOUNT_RATE_LIMITS = {"login": "20/m/ip", "login_failed": "10/m/ip,60/h/ip", "signup": "20/m/ip"}
ACCOUNT_MAX_EMAIL_ADDRESSES = 5
SOCIALACCOUNT_ADAPTER = "accounts.sign_in.adapters.SocialAdapter"
MFA_ADAPTER = "accounts.sign_in.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# Browsers offer passkeys on https and on localhost; the latter is where this allows http.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SESSION_COOKIE_SECURE

# --- Apps ------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    # Before unfold: some of unfold's files are replaced by ours of the same name (accounts/templates/unfold).
    "accounts",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.mfa",
    *LOGIN_APPS,
    "compat",
    "tumbler_site",
]
MIDDLEWARE = [
    "tumbler_site.page_headers.PageHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.sign_in.second_factor.StaffSecondFactor",
    *(["accounts.sign_in.services.AwayServices"] if LOGIN_APPS else []),
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.pages.frame.frame",
            ]
        },
    }
]
ROOT_URLCONF = "tumbler_site.urls"
ASGI_APPLICATION = "tumbler_site.asgi.application"
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
    "DEFAULT_SCHEMA_CLASS": "compat.openapi.generator.OperationSchema",
}
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "Gemini Tumbler",
    "VERSION": "0.1.0",
    "DESCRIPTION": "OpenAI's API, answered by Google Gemini over a pool of contributed keys. Every route is served with "
    "and without `/v1`, with or without a trailing slash.",
    "SERVERS": [{"url": "/v1"}],
}
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# --- Storage ---------------------------------------------------------------------------------------------


def _database(url: str) -> dict[str, object]:
    """Django's database settings for DATABASE_URL: SQLite in the data directory when it is empty."""
    parts = urlsplit(url)
    if not url or parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path[1:]) if parts.path[1:] else DATA_DIR / "tumbler.sqlite3",
            # IMMEDIATE: a transaction takes the write lock at once, so two writers wait instead of failing midway.
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                # secure_delete: what is erased (a withdrawn key) is overwritten, not only forgotten.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; "
                "PRAGMA secure_delete=ON",
            },
        }
    if parts.scheme in {"postgres", "postgresql"}:
        options: dict[str, object] = {
            "pool": {"min_size": 1, "max_size": 10, "timeout": 5},
            "connect_timeout": 3,
            # A connection whose other end is gone without a word is found out within this, in ms.
            "tcp_user_timeout": 15_000,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 2,
        }
        query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path[1:]),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(query.get("host") or parts.hostname or ""),
            "PORT": str(parts.port or ""),
            "OPTIONS": options,
        }
    raise ImproperlyConfigured("DATABASE_URL must begin with postgres:// or sqlite:///.")


DATABASES = {"default": _database(env_secret("DATABASE_URL"))}
DATABASE_SECONDS = env_float("TUMBLER_DATABASE_SECONDS", 1.0)
REDIS_URL = env_secret("REDIS_URL")
# `serve` sets TUMBLER_WORKERS for its workers: while Redis is away each keeps its part of every limit.
WORKERS = env_int("TUMBLER_WORKERS", 1, at_least=1)
BATCH_LINES = env_int("TUMBLER_BATCH_LINES", 16, at_least=0)
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        # Live traffic goes this way: sealed, and gone after ten seconds where nobody took it.
        "CONFIG": {"hosts": [REDIS_URL], "expiry": 10, "symmetric_encryption_keys": [SECRET_KEY]},
    }
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}
CACHES = {
    "default": {
        "BACKEND": "accounts.shared_cache.SharedCache"
        if REDIS_URL
        else "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": REDIS_URL,
        "KEY_FUNCTION": "accounts.cache_keys.digest_of",
    }
}

# --- What is stored, and for how long --------------------------------------------------------------------
USAGE_DAYS = env_int("TUMBLER_USAGE_DAYS", 30, at_least=1)
STORED_DAYS = env_int("TUMBLER_STORED_DAYS", 30, at_least=0)
STORED_MIB = env_int("TUMBLER_STORED_MIB", 100, at_least=1)
FILE_DAYS = env_int("TUMBLER_FILE_DAYS", 30, at_least=1)
FILES_MIB = env_int("TUMBLER_FILES_MIB", 256, at_least=1)
# Which stored files go to Gemini's Files API, in the project of the key that serves, instead of inside the request.
GEMINI_FILES = env_choice("TUMBLER_GEMINI_FILES", "large", ("large", "never", "always"))
# For how long they stay there after they were named last.
GEMINI_FILE_MINUTES = env_int("TUMBLER_GEMINI_FILE_MINUTES", 60, at_least=1)
IMAGE_LINK_SECONDS = env_int("TUMBLER_IMAGE_LINK_SECONDS", 60 * 60)
IMAGE_LINK_BYTES = env_int("TUMBLER_IMAGE_LINK_BYTES", 1024 * 1024 * 1024, at_least=1024 * 1024)
UPSTREAM_STORE = env_bool("TUMBLER_UPSTREAM_STORE")

# --- Pages -----------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 60 * 60
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SECURE = SESSION_COOKIE_SECURE
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
# Files are served from where they lie: nothing has to be collected first.
WHITENOISE_USE_FINDERS = True
UNFOLD = {
    "SITE_TITLE": "Gemini Tumbler",
    "SITE_HEADER": "Gemini Tumbler",
    "SITE_SYMBOL": "cyclone",
    "SITE_URL": "/accounts/",
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "accounts.admin.home.environment",
    "DASHBOARD_CALLBACK": "accounts.admin.home.dashboard",
    "SIDEBAR": {"show_search": True, "navigation": "accounts.admin.navigation.sections"},
}

# --- Logs ------------------------------------------------------------------------------------------------
LOG_LEVEL = env_level("TUMBLER_LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "accounts.redaction.RedactingFilter"}},
    "formatters": {"line": {"()": "accounts.redaction.LineFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["redact"], "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # Both write whole URLs and headers at INFO and DEBUG: never below WARNING.
        **{name: {"level": "WARNING"} for name in ("httpx", "httpcore", "hpack", "h2", "asyncio", "daphne", "uvicorn")},
        "django": {"level": env_level("DJANGO_LOG_LEVEL", "INFO")},
        "django.server": {"handlers": ["console"], "level": "WARNING", "propagate": False},
    },
}
