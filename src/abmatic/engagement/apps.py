from django.apps import AppConfig


class EngagementConfig(AppConfig):
    name = "abmatic.engagement"
    label = "engagement"
