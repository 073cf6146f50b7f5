"""What every answer does, whatever was asked: a text no database takes is refused, files travel compressed."""

from __future__ import annotations

from pathlib import Path

import brotli
import pytest
from flask.testing import FlaskClient

from tests.cast import Cast

STYLESHEET = Path(__file__).parents[2] / "static" / "palmares.css"


@pytest.mark.parametrize(
    "address", ["/declarations/%00", "/challenges/%00", "/declare/products?q=a%00b", "/points?%00=1"]
)
def test_a_nul_character_in_an_address_is_refused(client: FlaskClient, cast: Cast, address: str) -> None:
    client.sign_in(cast.awa)  # type: ignore[attr-defined]

    assert client.get(address).status_code == 400


def test_a_nul_character_in_a_form_is_refused(client: FlaskClient) -> None:
    assert client.post("/sign-in", data={"email": "a\0wa@boutique.example"}).status_code == 400


def test_a_file_is_compressed_once_and_then_remembered(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    squeeze, done = brotli.compress, []
    monkeypatch.setattr(brotli, "compress", lambda data, **options: done.append(data) or squeeze(data, **options))
    asked = {"Accept-Encoding": "gzip, br"}

    answers = [client.get("/static/palmares.css", headers=asked) for _ in range(3)]

    assert [answer.headers["Content-Encoding"] for answer in answers] == ["br"] * 3
    assert {brotli.decompress(answer.data) for answer in answers} == {STYLESHEET.read_bytes()}
    assert len(done) == 1
    assert client.get("/static/js/../palmares.css", headers=asked).status_code == 200
    assert len(done) == 1, "another way of writing an address is no other file"
    known = asked | {"If-None-Match": answers[0].headers["ETag"]}
    assert client.get("/static/palmares.css", headers=known).status_code == 304


def test_who_cannot_unpack_or_wants_a_part_gets_the_file_as_it_is(client: FlaskClient) -> None:
    plain = client.get("/static/palmares.css")
    part = client.get("/static/palmares.css", headers={"Accept-Encoding": "br", "Range": "bytes=10-19"})

    assert plain.data == STYLESHEET.read_bytes()
    assert "Content-Encoding" not in plain.headers
    assert (part.status_code, part.data) == (206, STYLESHEET.read_bytes()[10:20])
    assert "Content-Encoding" not in part.headers
    whole = client.get("/static/palmares.css", headers={"Accept-Encoding": "br"})
    assert brotli.decompress(whole.data) == STYLESHEET.read_bytes()


def test_what_is_everybodys_does_not_change_with_a_cookie(client: FlaskClient, cast: Cast) -> None:
    client.sign_in(cast.awa)  # type: ignore[attr-defined]

    for address in ("/static/palmares.css?v=1", "/manifest.webmanifest?language=fr"):
        answer = client.get(address)
        assert answer.cache_control.public
        assert "Cookie" not in answer.vary
        assert "Set-Cookie" not in answer.headers
    assert "Cookie" in client.get("/").vary
