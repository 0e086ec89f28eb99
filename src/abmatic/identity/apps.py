from django.apps import AppConfig


class IdentityConfig(AppConfig):
    name = "abmatic.identity"
    label = "identity"
