"""What every answer does, whatever was asked: a text no database takes is refused, not failed."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.cast import Cast


@pytest.mark.parametrize(
    "address", ["/declarations/%00", "/challenges/%00", "/declare/products?q=a%00b", "/points?%00=1"]
)
def test_a_nul_character_in_an_address_is_refused(client: FlaskClient, cast: Cast, address: str) -> None:
    client.sign_in(cast.awa)  # type: ignore[attr-defined]

    assert client.get(address).status_code == 400


def test_a_nul_character_in_a_form_is_refused(client: FlaskClient) -> None:
    assert client.post("/sign-in", data={"email": "a\0wa@boutique.example"}).status_code == 400
