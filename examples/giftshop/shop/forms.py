"""Checkout, without payment."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms

COUNTRIES = ("United Kingdom", "Ireland", "France", "Germany", "Netherlands", "Belgium", "Spain", "Portugal")


class CheckoutForm(forms.Form):
    name = forms.CharField(label="Full name", max_length=120)
    email = forms.EmailField(label="Email address")
    address = forms.CharField(label="Delivery address", widget=forms.Textarea(attrs={"rows": 3}), max_length=500)
    country = forms.ChoiceField(label="Country", choices=[(name, name) for name in COUNTRIES])

    autocomplete: ClassVar[dict[str, str]] = {
        "name": "name",
        "email": "email",
        "address": "street-address",
        "country": "country-name",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, hint in self.autocomplete.items():
            self.fields[name].widget.attrs["autocomplete"] = hint
