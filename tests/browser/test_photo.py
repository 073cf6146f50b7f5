"""A photo leaves the phone small, the right way up and without what the camera noted, whatever was chosen."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from flask import Flask
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect
from sqlalchemy import select

from declarations.models import Photo, Revision
from foundation import clock
from foundation.database import db
from network.models import Person
from rewards.jobs import advance_challenges
from tests.browser.stage import publish
from tests.declarations.stage import sell

MOST_BYTES = 200_000
LONGEST = 1600
CORNERS = ("red", "lime", "blue", "white")  # of every picture: top left, top right, bottom left, bottom right


class Sent:
    """What comes to the server as photos, byte by byte, in front of the application."""

    def __init__(self, application: Callable[..., Any]) -> None:
        self.application = application
        self.pieces: dict[int, bytes] = {}
        self.forms: list[bytes] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ["REQUEST_METHOD"] in ("PATCH", "POST"):
            content = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = io.BytesIO(content)
            if environ["REQUEST_METHOD"] == "PATCH":
                self.pieces[int(environ["HTTP_UPLOAD_OFFSET"])] = content
            else:
                self.forms.append(content)
        return self.application(environ, start_response)

    @property
    def photo(self) -> bytes:
        """The whole."""
        return b"".join(content for _, content in sorted(self.pieces.items()))


def corners(width: int, height: int, *, noise: bool = False) -> Image.Image:
    """A picture with a colour in each corner; with `noise`, as hard to compress as there is."""
    picture = Image.new("RGB", (width, height), "black")
    if noise:
        picture = Image.frombytes("RGB", (width, height), os.urandom(width * height * 3))
    draw, side = ImageDraw.Draw(picture), min(width, height) // 4
    for number, colour in enumerate(CORNERS):
        x, y = (number % 2) * (width - side), (number // 2) * (height - side)
        draw.rectangle((x, y, x + side, y + side), fill=colour)
    return picture


def file(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def from_a_camera(picture: Image.Image, orientation: int, **options: Any) -> bytes:
    """A JPEG that says how the camera was held, and where it was."""
    stored = {
        1: picture,
        3: picture.transpose(Image.Transpose.ROTATE_180),
        6: picture.transpose(Image.Transpose.ROTATE_90),
    }
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "A phone"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 23.0, 0.0), 3: "W", 4: (4.0, 29.0, 0.0)})
    return file(stored[orientation], exif=exif, **options)


def see_through() -> Image.Image:
    """A picture of which the middle is not there."""
    picture = corners(2400, 1800).convert("RGBA")
    ImageDraw.Draw(picture).rectangle((800, 600, 1600, 1200), fill=(0, 0, 0, 0))
    return picture


class Case(NamedTuple):
    """A file as it is chosen, and the size of what is sent (None: whatever has room)."""

    name: str
    kind: str
    content: Callable[[], bytes]
    size: tuple[int, int] | None


CASES = {
    "a large photo full of noise": Case(
        "bruit.jpg", "image/jpeg", lambda: file(corners(4000, 3000, noise=True), quality=50), None
    ),
    "a large photo": Case("ticket.jpg", "image/jpeg", lambda: file(corners(4000, 3000)), (1600, 1200)),
    "taken upright, with its place": Case(
        "debout.jpg", "image/jpeg", lambda: from_a_camera(corners(1800, 2400), 6), (1200, 1600)
    ),
    "a drawing that one sees through": Case(
        "ticket.png", "image/png", lambda: file(see_through(), "PNG"), (1600, 1200)
    ),
    "a WebP": Case("ticket.webp", "image/webp", lambda: file(corners(2000, 1000), "WEBP"), (1600, 800)),
    "a tiny JPEG": Case("petit.jpg", "image/jpeg", lambda: file(corners(120, 80)), (120, 80)),
    "a tiny JPEG with its place": Case(
        "petit.jpg", "image/jpeg", lambda: from_a_camera(corners(120, 80), 3), (120, 80)
    ),
    "few bytes, many pixels": Case("plat.jpg", "image/jpeg", lambda: file(corners(4000, 400), quality=20), (1600, 160)),
    "a photo with a film behind it": Case(
        "film.jpg", "image/jpeg", lambda: file(corners(120, 80)) + b"ftypmp42 48.38,-4.49", (120, 80)
    ),
}  # fmt: skip


@pytest.fixture
def sent(app: Flask, cast) -> Sent:
    publish(proof="required")
    list(advance_challenges(clock.now()))
    app.wsgi_app = Sent(app.wsgi_app)  # type: ignore[method-assign]
    return app.wsgi_app


def fill_in(page: Page, name: str, kind: str, content: bytes) -> None:
    page.goto("/declare")
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    expect(page.get_by_label("Unités : Crème de jour")).to_be_visible()
    page.get_by_label("En boutique").check()
    page.get_by_label("Photo du ticket").set_input_files({"name": name, "mimeType": kind, "buffer": content})


@pytest.mark.parametrize("case", CASES)
def test_what_is_sent_is_small_upright_and_bare(
    cast, sent: Sent, page: Page, sign_in: Callable[[Page, Person], None], case: str
):
    name, kind, content, size = CASES[case]
    sign_in(page, cast.awa)
    fill_in(page, name, kind, content())
    expect(page.locator("[data-photo-shown]")).to_be_visible()
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("+10")

    assert 0 < len(sent.photo) <= MOST_BYTES
    with Image.open(io.BytesIO(sent.photo)) as opened:
        opened.load()
        assert opened.format == "JPEG"
        assert max(opened.size) <= LONGEST
        if size is not None:
            assert opened.size == size
        assert not opened.getexif()
        assert not {"exif", "xmp", "comment", "photoshop"} & set(opened.info)
        assert b"48.38" not in sent.photo
        seen = opened.convert("RGB")
    width, height = seen.size
    for number, colour in enumerate(CORNERS):
        x, y = (width - 1) * (number % 2), (height - 1) * (number // 2)
        box = (max(0, x - 8), max(0, y - 8), min(width, x + 8), min(height, y + 8))
        there = seen.crop(box).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
        wanted = Image.new("RGB", (1, 1), colour).getpixel((0, 0))
        assert isinstance(there, tuple) and isinstance(wanted, tuple)
        assert all(abs(a - b) < 60 for a, b in zip(there, wanted, strict=True)), (case, colour, there)
    if kind == "image/png":
        middle = seen.getpixel((width // 2, height // 2))
        assert isinstance(middle, tuple) and min(middle) > 240, "what one sees through is white paper"
    db.session.rollback()
    assert db.session.scalar(select(Revision.proof)) == db.session.scalar(select(Photo.picture)) is not None


def test_what_is_no_picture_is_refused_in_words_and_the_sale_is_still_there(
    cast, sent: Sent, page: Page, sign_in: Callable[[Page, Person], None]
):
    sign_in(page, cast.awa)
    fill_in(page, "ticket.jpg", "image/jpeg", b"%PDF-1.4 no picture at all" * 5_000)
    page.get_by_label("Unités : Crème de jour").fill("3")
    page.get_by_role("button", name="Envoyer").click()
    said = page.locator("#outbox-alert [role=alert]")
    expect(said).to_contain_text("Cette photo ne peut pas être lue")
    expect(page.get_by_label("Unités : Crème de jour")).to_have_value("3")
    expect(page.get_by_label("En boutique")).to_be_checked()
    assert sent.pieces == {}

    page.get_by_label("Photo du ticket").set_input_files(
        {"name": "ticket.jpg", "mimeType": "image/jpeg", "buffer": file(corners(600, 800))}
    )
    expect(page.locator("[data-photo-shown]")).to_be_visible()
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("+30")
    assert len(sent.photo) > 0


NO_PICTURE = {"name": "ticket.jpg", "mimeType": "image/jpeg", "buffer": b"%PDF-1.4 no picture at all" * 5_000}


def test_what_is_no_picture_is_said_at_once_and_the_sale_goes_without_it(
    cast, sent: Sent, page: Page, sign_in: Callable[[Page, Person], None]
):
    sign_in(page, cast.awa)
    fill_in(page, "ticket.jpg", "image/jpeg", file(corners(600, 800)))
    expect(page.locator("[data-photo-shown]")).to_be_visible()
    field = page.get_by_label("Photo du ticket")
    field.set_input_files(NO_PICTURE)  # type: ignore[arg-type]
    expect(page.locator("#proof-unreadable")).to_contain_text("Cette photo ne peut pas être lue.")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[data-photo-shown]")).to_be_hidden()
    page.get_by_role("button", name="Retirer la photo").click()
    expect(page.locator("#proof-unreadable")).to_be_hidden()
    expect(page.get_by_role("button", name="Retirer la photo")).to_be_hidden()
    page.get_by_role("button", name="Envoyer").click()
    page.wait_for_url("**/declarations/*")
    assert sent.pieces == {}, "neither the picture before nor what is none was sent"


def test_a_photo_is_taken_or_chosen(cast, sent: Sent, page: Page, sign_in: Callable[[Page, Person], None]):
    sign_in(page, cast.awa)
    told = sell("AWA", [("CREME", 1)], name=str(uuid.uuid4()), at=clock.now())
    for address in ("/declare", f"/declarations/{told.public_id}/correction"):
        page.goto(address)
        field = page.get_by_label("Photo du ticket")
        expect(field).to_have_attribute("accept", "image/jpeg,image/png,image/webp")
        assert field.get_attribute("capture") is None, "`capture` opens the camera and leaves no choice"
        field.set_input_files(NO_PICTURE)  # type: ignore[arg-type]
        expect(page.locator("#proof-unreadable")).to_be_visible()


def test_the_photo_that_was_missing_is_added_by_a_correction(
    cast, sent: Sent, page: Page, sign_in: Callable[[Page, Person], None]
):
    told = sell("AWA", [("CREME", 1)], name=str(uuid.uuid4()), at=clock.now())
    sign_in(page, cast.awa)
    page.goto(f"/declarations/{told.public_id}")
    page.get_by_role("link", name="Ajouter la photo").click()
    page.get_by_label("Photo du ticket").set_input_files(
        {"name": "ticket.jpg", "mimeType": "image/jpeg", "buffer": from_a_camera(corners(3000, 4000), 6)}
    )
    expect(page.locator("[data-photo-shown]")).to_be_visible()
    page.get_by_role("button", name="Corriger").click()
    page.wait_for_url(f"**/declarations/{told.public_id}")
    expect(page.locator("main")).to_contain_text("La vente est corrigée.")
    expect(page.locator("main")).to_contain_text("+10")
    expect(page.get_by_alt_text("Photo du ticket")).to_be_visible()
    [form] = [form for form in sent.forms if b'filename="photo.jpg"' in form]
    assert len(form) <= MOST_BYTES + 5_000
    assert b"A phone" not in form
