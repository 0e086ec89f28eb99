from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "abmatic.api"
    label = "api"
