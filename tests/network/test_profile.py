"""How one appears: nickname, picture or initials, language; and what is kept about oneself."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from foundation.transactions import transaction
from network.rules import NICKNAME_LENGTH


def picture(kind="PNG", size=(600, 300)) -> io.BytesIO:
    out = io.BytesIO()
    Image.new("RGB", size, "#0E6B50").save(out, kind)
    out.seek(0)
    return out


@pytest.fixture
def awa(client, cast):
    """Awa's browser."""
    client.sign_in(cast.awa)
    return client


def save(browser, **fields):
    return browser.post("/me", data={"nickname": "", "language": "fr"} | fields)


def test_what_is_kept_about_me_is_shown(awa):
    page = awa.get("/me").text
    for text in ("Awa Diallo", "awa@example.org", "Parfumerie du Port", "Salarié"):
        assert text in page


def test_a_nickname_takes_the_place_of_the_name(awa, cast):
    assert save(awa, nickname="  La   Comète ").status_code == 302
    assert cast.awa.display_name == "La Comète"
    save(awa, nickname="")
    assert cast.awa.display_name == "Awa Diallo"


@pytest.mark.parametrize("nickname", ["x", "y" * (NICKNAME_LENGTH + 1), "a\u0007b", "bruno MARTIN", "étoile"])
def test_a_nickname_is_refused_with_its_reason(awa, cast, nickname):
    with transaction():
        cast.chloe.nickname = "Étoile".lower()
    page = save(awa, nickname=nickname)
    assert page.status_code == 422
    assert "field-error" in page.text
    assert cast.awa.nickname is None


def test_a_picture_is_kept_square_and_shown_to_whoever_takes_part(app, awa, cast):
    assert save(awa, picture=(picture(), "moi.png")).status_code == 302
    address = f"/people/pictures/{cast.awa.picture}"
    assert address in awa.get("/me").text
    assert "AWA" not in address, "a nickname is not undone by the address of a picture"
    other = app.test_client()
    other.sign_in(cast.bruno)
    shown = other.get(address)
    assert shown.mimetype == "image/webp"
    assert shown.headers["Cache-Control"] == "private, max-age=86400", "not kept on the way for others"
    assert Image.open(io.BytesIO(shown.data)).size == (256, 256)
    assert app.test_client().get(address).status_code == 302, "not to the street"


def test_a_new_picture_replaces_the_old_file_and_initials_come_back(app, awa, cast):
    folder = app.config["SETTINGS"].media_folder / "people"
    save(awa, picture=(picture(), "a.png"))
    save(awa, picture=(picture("JPEG"), "b.jpg"))
    assert [path.name for path in folder.iterdir()] == [cast.awa.picture]
    address = f"/people/pictures/{cast.awa.picture}"
    save(awa, remove_picture="y")
    assert cast.awa.picture is None
    assert list(folder.iterdir()) == []
    assert awa.get(address).status_code == 404


def test_what_is_no_picture_is_refused_and_nothing_changes(app, awa, cast):
    page = save(awa, nickname="Comète", picture=(io.BytesIO(b"<script>"), "moi.png"))
    assert page.status_code == 422
    assert "ne peut pas être lue" in page.text
    assert (cast.awa.nickname, cast.awa.picture) == (None, None)


def test_a_refused_nickname_keeps_no_picture_behind(app, awa, cast):
    assert save(awa, nickname="Bruno Martin", picture=(picture(), "a.png")).status_code == 422
    assert list((app.config["SETTINGS"].media_folder / "people").iterdir()) == []


def test_the_language_is_kept(awa, cast):
    save(awa, language="en")
    assert cast.awa.language == "en"
    assert "1 January 2020" in awa.get("/me").text


def test_the_first_time_one_goes_on_home(awa):
    assert "Continuer" in awa.get("/me?first=1").text
    assert save(awa, first="1").headers["Location"] == "/"
