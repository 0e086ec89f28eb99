from django.apps import AppConfig


class TrackingConfig(AppConfig):
    name = "abmatic.tracking"
    label = "tracking"
