from django.apps import AppConfig


class AudiencesConfig(AppConfig):
    name = "abmatic.audiences"
    label = "audiences"
