"""Django's settings, made from the environment. The table of our own settings is in `environment`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from abmatic.config import environment
from abmatic.postgres import embedded

ENVIRONMENT = environment.load()


def _database() -> dict[str, Any]:
    if ENVIRONMENT.database_url is not None:
        entry = environment.parse_database_url(ENVIRONMENT.database_url)
    else:
        dsn = conninfo_to_dict(embedded.dsn(ENVIRONMENT.data_dir))
        entry = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": dsn["dbname"],
            "USER": dsn["user"],
            "HOST": dsn["host"],
            "PORT": dsn.get("port", ""),
            "OPTIONS": {},
        }
    # A request borrows a connection for its length; health checks replace one that a restart has broken.
    return {**entry, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}


WEB_ROOM = Path(__file__).resolve().parents[1] / "web"

DEBUG = ENVIRONMENT.debug
SECRET_KEY = ENVIRONMENT.secret_key
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts)
BASE_URL = ENVIRONMENT.base_url
CSRF_TRUSTED_ORIGINS = [ENVIRONMENT.base_url]
# A mapping is five fields of a form, and an object may have hundreds of mappings.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "procrastinate.contrib.django",
    "abmatic.identity",
    "abmatic.changes",
    "abmatic.tracking",
    "abmatic.audiences",
    "abmatic.engagement",
    "abmatic.campaigns",
    "abmatic.personalisation",
    "abmatic.attribution",
    "abmatic.sync",
    "abmatic.api",
    "abmatic.web",
]

MIDDLEWARE = [
    # First, so that every answer carries the policy, those of the other layers included.
    "abmatic.web.middleware.ContentSecurityPolicy",
    "abmatic.api.collector.Collector",
    "abmatic.api.middleware.Problems",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "abmatic.web.middleware.SignInRequired",
    "abmatic.web.middleware.SecondFactorRequired",
    "abmatic.web.middleware.AsTheViewerHasIt",
]

ROOT_URLCONF = "abmatic.config.urls"
WSGI_APPLICATION = "abmatic.config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [WEB_ROOM / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "abmatic.web.context.frame",
            ],
            "builtins": ["abmatic.web.templatetags.abmatic"],
        },
    }
]

DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "identity.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "abmatic.web.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = ENVIRONMENT.base_url.partition(":")[0]
MFA_ADAPTER = "abmatic.web.accounts.SecondFactorAdapter"
MFA_TOTP_ISSUER = "Abmatic"
# Clocks of telephones differ by some seconds.
MFA_TOTP_TOLERANCE = 1
# Addresses are not verified by mail: people are invited by somebody who knows them.
MFA_ALLOW_UNVERIFIED_EMAIL = True
SOCIALACCOUNT_ADAPTER = "abmatic.web.accounts.SingleSignOnAdapter"
# The button is a link: a form would be held to the page's form-action on its way to the provider. See web.door.
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_OPENID_CONNECT_URL_PREFIX = ""
SOCIALACCOUNT_PROVIDERS = (
    {"openid_connect": {"APPS": [ENVIRONMENT.identity_provider.as_app()]}} if ENVIRONMENT.identity_provider else {}
)

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "abmatic_session"
CSRF_COOKIE_NAME = "abmatic_csrf"
CSRF_FAILURE_VIEW = "abmatic.web.errors.form_expired"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENVIRONMENT.base_url.startswith("https://")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if ENVIRONMENT.trusted_proxies:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_THOUSAND_SEPARATOR = True

STATIC_URL = "/static/"
STATIC_ROOT = ENVIRONMENT.data_dir / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# A mail server that doesn't answer must not hold a page for longer.
EMAIL_TIMEOUT = 10
if ENVIRONMENT.mail:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = ENVIRONMENT.mail.host, ENVIRONMENT.mail.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = ENVIRONMENT.mail.user, ENVIRONMENT.mail.password
    EMAIL_USE_SSL, EMAIL_USE_TLS = ENVIRONMENT.mail.tls, ENVIRONMENT.mail.starttls
    DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENVIRONMENT.mail.sender
else:
    EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "tasks"
PROCRASTINATE_IMPORT_PATHS = [
    "abmatic.audiences.csv_import.jobs",
    "abmatic.audiences.many.jobs",
    "abmatic.sync.ticking",
    "abmatic.sync.preview.jobs",
    "abmatic.sync.selected.jobs",
    "abmatic.sync.importing.jobs",
]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": ENVIRONMENT.log_level},
    "loggers": {
        "procrastinate": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "httpcore2": {"level": "WARNING"},
    },
}
