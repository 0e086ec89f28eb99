from django.apps import AppConfig


class SyncConfig(AppConfig):
    name = "abmatic.sync"
    label = "sync"
