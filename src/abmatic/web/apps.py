from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "abmatic.web"
    label = "web"
