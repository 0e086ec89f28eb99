from django.apps import AppConfig


class AttributionConfig(AppConfig):
    name = "abmatic.attribution"
    label = "attribution"
