from django.apps import AppConfig


class ChangesConfig(AppConfig):
    name = "abmatic.changes"
    label = "changes"
