from django.apps import AppConfig


class PersonalisationConfig(AppConfig):
    name = "abmatic.personalisation"
    label = "personalisation"
