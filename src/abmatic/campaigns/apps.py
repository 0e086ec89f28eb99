from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "abmatic.campaigns"
    label = "campaigns"
