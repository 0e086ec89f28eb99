"""What the Authorize page asks."""

from __future__ import annotations

from django import forms
from django.conf import settings

PRODUCTION = "https://login.salesforce.com"
SANDBOX = "https://test.salesforce.com"


class AuthorizeForm(forms.Form):
    """Which org to connect, and the External Client App to do it with.

    In a reconnect the client secret may stay empty: the stored one is used again.
    """

    kind = forms.ChoiceField(label="Which org?", widget=forms.RadioSelect)
    my_domain = forms.CharField(
        label="My Domain",
        required=False,
        max_length=255,
        help_text="As in the address bar when you are signed in to Salesforce: your-company.my.salesforce.com",
        widget=forms.TextInput(
            attrs={"placeholder": "your-company.my.salesforce.com", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    client_id = forms.CharField(
        label="Consumer Key",
        max_length=1000,
        help_text="Also called client id.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )
    client_secret = forms.CharField(
        label="Consumer Secret",
        max_length=1000,
        required=False,
        help_text="Also called client secret. Stored encrypted, never shown again. Only an app that requires none goes "
        "without it.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "class": "mono"}),
    )

    def __init__(self, data: object = None, *, is_reconnect: bool, initial: dict[str, str]) -> None:
        super().__init__(data, initial=initial)  # type: ignore[arg-type]  # a QueryDict or None
        kinds = [
            ("production", "Production or Developer Edition"),
            ("sandbox", "Sandbox"),
            ("domain", "My Domain"),
        ]
        if settings.ENVIRONMENT.demo and settings.ENVIRONMENT.emulator_url:
            kinds.insert(0, ("emulator", "Demo org (the emulator on this machine)"))
        kind = self.fields["kind"]
        assert isinstance(kind, forms.ChoiceField)
        kind.choices = kinds
        if is_reconnect:
            self.fields["client_secret"].help_text = "Leave it empty to keep the stored one."

    def clean(self) -> dict[str, object]:
        """A My Domain must be given where it was chosen."""
        values: dict[str, object] = super().clean() or {}
        if values.get("kind") == "domain" and not values.get("my_domain"):
            self.add_error("my_domain", "Enter the My Domain of the org, such as your-company.my.salesforce.com.")
        return values

    def login_url(self) -> str:
        """The address whose login page was chosen. What isn't Salesforce is refused by the client, not here."""
        kind = self.cleaned_data["kind"]
        if kind == "emulator":
            return str(settings.ENVIRONMENT.emulator_url)
        if kind == "sandbox":
            return SANDBOX
        if kind == "production":
            return PRODUCTION
        return str(self.cleaned_data["my_domain"]).strip()


def initial_choice(login_url: str) -> dict[str, str]:
    """The form's first values for a connection authorised before."""
    known = {PRODUCTION: "production", SANDBOX: "sandbox"}
    if settings.ENVIRONMENT.emulator_url and login_url == settings.ENVIRONMENT.emulator_url:
        return {"kind": "emulator" if settings.ENVIRONMENT.demo else "domain", "my_domain": login_url}
    if login_url in known:
        return {"kind": known[login_url]}
    return {"kind": "domain", "my_domain": login_url.removeprefix("https://")}
