from django.apps import AppConfig


class SyncConfig(AppConfig):
    name = "abmatic.sync"
    label = "sync"

    def ready(self) -> None:
        from abmatic.sync.outside_ids import offer_ids
        from abmatic.sync.states import offer_states

        offer_states()
        offer_ids()
