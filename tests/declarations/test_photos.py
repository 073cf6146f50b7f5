"""Photos of receipts: sent in pieces, gone on with, whole only when they are pictures, noticed when they come twice."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont
from sqlalchemy import func, select, update

from declarations import photos
from declarations.jobs import forget_photos
from declarations.models import Declaration, Photo, PhotoPiece, Revision
from declarations.operations import accept, correct, receive, reject, withdraw
from declarations.rules import Refused, Submission, SubmittedLine
from foundation import clock
from foundation.database import db
from foundation.pictures import alike, clean_picture, keep_picture, likeness
from foundation.transactions import transaction
from leaderboards.models import Standing
from network.models import Person
from portal.jobs import forget_pictures
from rewards.models import Reward
from tests.cast import Cast
from tests.conftest import Client
from tests.declarations.stage import NOW, PARIS, TODAY, publish

PHOTO = "1c9e6679-7425-40de-944b-e07fc1f90ae7"


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def receipt(seed: int, width: int = 700, height: int = 1100) -> Image.Image:
    """A shop's receipt on a table, as a phone sees it; every seed another sale of the same shop."""
    chance = random.Random(seed)
    table = Image.new("RGB", (width, height), tuple(chance.randint(40, 120) for _ in range(3)))
    draw = ImageDraw.Draw(table)
    for _ in range(120):
        x, y, grey = chance.randint(0, width), chance.randint(0, height), chance.randint(30, 130)
        draw.line((x, y, x + chance.randint(-200, 200), y + 3), fill=(grey, grey, grey // 2), width=2)
    left, top = chance.randint(40, 150), chance.randint(30, 100)
    right, bottom = width - chance.randint(40, 150), height - chance.randint(30, 150)
    draw.rectangle((left, top, right, bottom), fill=(245, 243, 238))
    font = ImageFont.load_default(size=24)
    draw.text((left + 40, top + 25), "PARFUMERIE DU PORT", font=font, fill=(30, 30, 30))
    y = top + 80
    while y < bottom - 60:
        name = "".join(chance.choice("ABCDEFGHIJ abcdefg") for _ in range(chance.randint(6, 16)))
        draw.text((left + 25, y), name, font=font, fill=(40, 40, 40))
        draw.text((right - 100, y), f"{chance.randint(1, 99)},{chance.randint(10, 99)}", font=font, fill=(40, 40, 40))
        y += chance.choice([36, 36, 36, 72])
    return table.filter(ImageFilter.GaussianBlur(1))


def jpeg(picture: Image.Image, quality: int = 80) -> bytes:
    content = BytesIO()
    picture.save(content, "JPEG", quality=quality)
    return content.getvalue()


def cut(picture: Image.Image, part: float) -> Image.Image:
    """Without a part of its width and height on each side."""
    width, height = picture.size
    x, y = int(width * part), int(height * part)
    return picture.crop((x, y, width - x, height - y))


def send(client: Client, content: bytes, *, name: str = PHOTO, piece: int = 64 * 1024) -> Any:
    """Send a photo as a phone does; the last answer."""
    answer = None
    for start in range(0, len(content), piece):
        answer = patch(client, content[start : start + piece], start, len(content), name=name)
    return answer


def patch(client: Client, content: bytes, offset: Any, length: Any, *, name: str = PHOTO) -> Any:
    headers = {"Upload-Offset": str(offset), "Upload-Length": str(length)}
    return client.patch(f"/outbox/photos/{name}", data=content, headers=headers)


def tell(person: str, photo: str, *, name: str | None = None, sku: str = "CREME", sold_on: date = TODAY) -> str:
    """Tell a sale that a photo proves; its status."""
    told = Submission(
        name or str(uuid.uuid4()), person, sold_on, None, "store", (SubmittedLine(sku, 1, None),), photo=photo
    )
    with transaction():
        [answer] = receive([told], by=person, at=NOW, zone=PARIS)
    return answer.status


def keep(person: Person, content: bytes, tmp: Any, name: str | None = None) -> str:
    """A photo that has come whole; its id."""
    public_id = name or str(uuid.uuid4())
    with transaction():
        photos.keep(person.id, public_id, photos.clean(content), folder=tmp, at=NOW)
    return public_id


# — arriving —


def test_a_photo_sent_in_pieces_is_gone_on_with_where_it_stopped(client: Client, cast: Cast) -> None:
    client.sign_in(cast.awa)
    content = jpeg(receipt(1))
    assert client.get(f"/outbox/photos/{PHOTO}").status_code == 404
    first = patch(client, content[:30_000], 0, len(content))
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "30000")
    state = client.get(f"/outbox/photos/{PHOTO}")
    assert (state.status_code, state.headers["Upload-Offset"]) == (204, "30000")
    assert state.headers["Upload-Length"] == str(len(content))
    last = patch(client, content[30_000:], 30_000, len(content))
    assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(content)))
    photo = db.session.scalars(select(Photo)).one()
    assert photo.picture is not None and photo.person_id == cast.awa.id
    assert db.session.scalar(select(func.count()).select_from(PhotoPiece)) == 0


def test_a_piece_sent_again_after_a_lost_answer_is_told_where_to_go_on(client: Client, cast: Cast) -> None:
    client.sign_in(cast.awa)
    content = jpeg(receipt(1))
    patch(client, content[:30_000], 0, len(content))
    again = patch(client, content[:30_000], 0, len(content))
    assert (again.status_code, again.headers["Upload-Offset"]) == (409, "30000")
    assert again.mimetype == "application/problem+json"
    patch(client, content[30_000:], 30_000, len(content))
    again = patch(client, content[30_000:], 30_000, len(content))
    assert (again.status_code, again.headers["Upload-Offset"]) == (409, str(len(content)))
    assert patch(client, b"", len(content), len(content)).status_code == 204


def test_while_a_photo_is_cleaned_others_write(client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    client.sign_in(cast.awa)
    content = jpeg(receipt(1))
    patch(client, content[:30_000], 0, len(content))
    clean, written = photos.clean, []

    def meanwhile(whole: bytes) -> photos.Cleaned:
        with db.engine.connect().execution_options(writing=True) as other:
            if other.dialect.name == "sqlite":
                other.connection.driver_connection.execute("PRAGMA busy_timeout=0")
            other.execute(update(Person).where(Person.code == "BRUNO").values(name="Bruno R."))
            other.execute(update(Photo).values(touched_at=NOW))
            other.commit()
        written.append(whole)
        return clean(whole)

    monkeypatch.setattr(photos, "clean", meanwhile)
    assert patch(client, content[30_000:], 30_000, len(content)).status_code == 204
    assert written == [content]
    assert db.session.scalars(select(Photo)).one().picture is not None


def test_a_last_piece_that_overtakes_the_one_before_it_is_sent_again(
    client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.sign_in(cast.awa)
    content = jpeg(receipt(1))
    with monkeypatch.context() as other:  # it is looked at before the piece before it is there, and kept after
        other.setattr(photos, "whole_with", lambda *_, **__: None)
        patch(client, content[:30_000], 0, len(content))
        answer = patch(client, content[30_000:], 30_000, len(content))
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (409, "30000")
    assert patch(client, content[30_000:], 30_000, len(content)).status_code == 204
    assert db.session.scalars(select(Photo)).one().picture is not None


def test_what_comes_whole_and_is_no_picture_is_refused_and_forgotten(client: Client, cast: Cast) -> None:
    client.sign_in(cast.awa)
    refused = send(client, b"not a picture" * 100)
    assert (refused.status_code, refused.mimetype) == (422, "application/problem+json")
    assert refused.json["errors"][0]["wrong"] == "not a picture; send a JPEG, PNG or WebP"
    assert client.get(f"/outbox/photos/{PHOTO}").status_code == 404
    assert send(client, jpeg(receipt(1))).status_code == 204


@pytest.mark.parametrize(
    ("content", "offset", "length", "status"),
    [
        (b"x", "", "10", 400),
        (b"x", "0", "ten", 400),
        (b"x", "-1", "10", 400),
        (b"x", "0", "0", 413),
        (b"x", "0", str(1024 * 1024 + 1), 413),
        (b"x" * (64 * 1024 + 1), "0", "100000", 413),
        (b"x" * 20, "0", "10", 422),
        (b"x", "5", "10", 409),
    ],
)
def test_a_wrong_piece_is_refused_and_writes_nothing(
    client: Client, cast: Cast, content: bytes, offset: str, length: str, status: int
) -> None:
    client.sign_in(cast.awa)
    assert patch(client, content, offset, length).status_code == status
    assert db.session.scalar(select(func.count()).select_from(PhotoPiece)) == 0


def test_only_its_owner_goes_on_with_a_photo_or_sees_how_far_it_is(client: Client, cast: Cast) -> None:
    content = jpeg(receipt(1))
    client.sign_in(cast.awa)
    patch(client, content[:1000], 0, len(content))
    client.sign_in(cast.bruno)
    assert client.get(f"/outbox/photos/{PHOTO}").status_code == 404
    assert patch(client, content[1000:], 1000, len(content)).status_code == 409
    client.sign_in(cast.marc)
    assert client.get(f"/outbox/photos/{PHOTO}").status_code == 404
    client.sign_in(cast.awa)
    assert patch(client, content[1000:], 1000, len(content)).status_code == 204


def test_the_kept_picture_says_nothing_of_the_place_or_the_phone(client: Client, cast: Cast, app: Any) -> None:
    content = BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "A phone"
    exif.get_ifd(0x8825)[2] = (48.0, 23.0, 0.0)
    receipt(1).save(content, "JPEG", exif=exif)
    client.sign_in(cast.awa)
    send(client, content.getvalue())
    name = db.session.scalar(select(Photo.picture))
    with Image.open(app.config["SETTINGS"].media_folder / "proofs" / name) as kept:
        assert kept.format == "WEBP" and not kept.getexif()


def test_photos_that_stopped_half_way_go_after_a_week_and_unnamed_ones_after_a_month(
    client: Client, cast: Cast, app: Any
) -> None:
    client.sign_in(cast.awa)
    content = jpeg(receipt(1))
    folder = app.config["SETTINGS"].media_folder / "proofs"
    patch(client, content[:1000], 0, len(content))
    unnamed, used = keep(cast.awa, content, folder), keep(cast.awa, jpeg(receipt(2)), folder)
    tell("AWA", used)

    def left(days: int) -> set[str]:
        list(forget_photos(NOW + timedelta(days=days)))
        return set(db.session.scalars(select(Photo.public_id)))

    assert left(6) == {PHOTO, unnamed, used}
    assert left(8) == {unnamed, used}
    assert left(31) == {used}
    assert len(list(folder.iterdir())) == 1


def test_a_photo_that_could_not_be_forgotten_keeps_its_picture(
    client: Client, cast: Cast, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.sign_in(cast.awa)
    send(client, jpeg(receipt(1)))
    with pytest.raises(RuntimeError), transaction():
        photos.forget(cast.awa.id, PHOTO, folder=app.config["SETTINGS"].media_folder / "proofs")
        raise RuntimeError
    assert tell("AWA", PHOTO) == "accepted"
    picture = db.session.scalars(select(Photo.picture)).one()
    assert (app.config["SETTINGS"].media_folder / "proofs" / picture).is_file()


def test_a_picture_whose_process_died_before_it_said_so_is_removed_and_the_others_stay(
    cast: Cast, app: Any, tmp_path: Any
) -> None:
    media = app.config["SETTINGS"].media_folder
    tell("AWA", keep(cast.awa, jpeg(receipt(1)), media / "proofs"))
    keep(cast.awa, jpeg(receipt(2)), media / "proofs")
    with transaction():
        cast.awa.picture = keep_picture(jpeg(receipt(3)), media / "people")
        shown = keep_picture(jpeg(receipt(4)), media / "rewards")
        db.session.add(Reward(code="SAC", name="Sac", kind="gift", cost_cents=100, countries="", picture=shown))
    used = {path for folder in ("proofs", "people", "rewards") for path in (media / folder).iterdir()}
    with pytest.raises(KeyboardInterrupt), transaction():
        photos.keep(cast.awa.id, str(uuid.uuid4()), photos.clean(jpeg(receipt(5))), folder=media / "proofs", at=NOW)
        raise KeyboardInterrupt
    keep_picture(jpeg(receipt(6)), media / "people")
    keep_picture(jpeg(receipt(7)), media / "rewards")

    def left(*days: int) -> set[Any]:
        for day in days:
            list(forget_pictures(datetime.now(UTC) + timedelta(days=day)))
        return {path for folder in ("proofs", "people", "rewards") for path in (media / folder).iterdir()}

    assert len(left()) == len(used) + 3
    assert left(*range(1, 17)) == used


def test_each_night_looks_at_a_sixteenth_of_the_pictures_none_of_them_younger_than_a_day(app: Any) -> None:
    folder = app.config["SETTINGS"].media_folder / "proofs"
    folder.mkdir(parents=True)
    for digit in "0123456789abcdef":
        (folder / f"{digit * 32}.webp").write_bytes(b"")
    (folder / "notes.txt").write_bytes(b"")
    now = datetime.now(UTC)
    for hours in (0, 12, 23):
        assert list(forget_pictures(now + timedelta(hours=hours))) == []
    nights = [list(forget_pictures(now + timedelta(days=day))) for day in range(2, 18)]
    assert nights == [["1 pictures of proofs that nothing names removed"]] * 16
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_nobody_fills_the_house_with_photos(client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "MOST_UNUSED", 2)
    client.sign_in(cast.awa)
    for number in range(2):
        assert patch(client, b"x", 0, 10, name=str(uuid.UUID(int=number))).status_code == 204
    assert patch(client, b"x", 0, 10, name=str(uuid.UUID(int=3))).status_code == 429
    assert patch(client, b"y", 1, 10, name=str(uuid.UUID(int=1))).status_code == 204


# — proving a sale —


def test_a_sale_names_its_photo_and_a_replay_is_a_replay(client: Client, cast: Cast) -> None:
    publish(proof="required")
    client.sign_in(cast.awa)
    send(client, jpeg(receipt(1)))
    name = str(uuid.uuid4())
    assert tell("AWA", PHOTO, name=name) == "accepted"
    assert tell("AWA", PHOTO, name=name) == "accepted"
    assert db.session.scalar(select(func.count()).select_from(Declaration)) == 1
    shown = client.get(f"/declarations/{name}/proof")
    assert shown.mimetype == "image/webp"
    shown.close()
    client.sign_in(cast.chloe)
    assert client.get(f"/declarations/{name}/proof").status_code == 404


def test_a_receipt_is_shown_to_its_seller_and_reviewers_and_kept_by_no_cache(client: Client, cast: Cast) -> None:
    publish(proof="required")
    client.sign_in(cast.awa)
    send(client, jpeg(receipt(1)))
    name = str(uuid.uuid4())
    tell("AWA", PHOTO, name=name)
    for person in (cast.awa, cast.marc):
        client.sign_in(person)
        with client.get(f"/declarations/{name}/proof") as shown:
            assert (shown.status_code, shown.headers["Cache-Control"]) == (200, "private, no-store")
    client.sign_in(cast.bruno)
    assert client.get(f"/declarations/{name}/proof").status_code == 404


def test_a_photo_proves_one_sale_of_its_own_person_once_it_is_whole(client: Client, cast: Cast) -> None:
    content = jpeg(receipt(1))
    client.sign_in(cast.awa)
    patch(client, content[:1000], 0, len(content))

    def refused(person: str) -> str:
        with pytest.raises(Refused) as refusal:
            tell(person, PHOTO)
        [problem] = refusal.value.problems
        return problem.field

    assert refused("AWA") == "photo"  # not whole
    patch(client, content[1000:], 1000, len(content))
    assert refused("CHLOE") == "photo"  # hers, not Chloé's
    assert tell("AWA", PHOTO) == "accepted"
    assert refused("AWA") == "photo"  # used


def test_the_same_file_with_a_form_sent_twice_is_one_sale(client: Client, cast: Cast) -> None:
    publish(proof="required")
    client.sign_in(cast.awa)
    name, content = str(uuid.uuid4()), jpeg(receipt(1))
    for _ in range(2):
        form = {"id": name, "sku": "CREME", "units": "1", "channel": "store", "sold_on": str(TODAY)}
        sent = client.post("/declare", data=form | {"proof": (BytesIO(content), "t.jpg")})
        assert sent.status_code == 302
    assert db.session.scalars(select(Declaration.status)).all() == ["accepted"]
    assert db.session.scalar(select(func.count()).select_from(Photo)) == 1
    other = {"id": name, "sku": "CREME", "units": "2", "channel": "store", "sold_on": str(TODAY)}
    again = client.post("/declare", data=other | {"proof": (BytesIO(content), "t.jpg")})
    assert again.status_code == 409
    assert 'name="kept_proof" value=""' in again.text


# — the same picture twice —

SAME: dict[str, Callable[[Image.Image], bytes]] = {
    "the very same": lambda picture: jpeg(picture),
    "half as large": lambda picture: jpeg(picture.resize((picture.width // 2, picture.height // 2))),
    "compressed hard": lambda picture: jpeg(picture, 30),
    "brighter": lambda picture: jpeg(ImageEnhance.Brightness(picture).enhance(1.2)),
    "cut by 1 %": lambda picture: jpeg(cut(picture, 0.01)),
    "cut by 2 %": lambda picture: jpeg(cut(picture, 0.02)),
}


@pytest.mark.any_engine
@pytest.mark.parametrize("change", SAME)
def test_the_same_receipt_looks_alike_however_it_was_saved(change: str) -> None:
    for seed in range(10):
        first = likeness(clean_picture(jpeg(receipt(seed))))
        second = likeness(clean_picture(SAME[change](receipt(seed))))
        assert alike(first.sketch, second.sketch), (seed, change)


@pytest.mark.any_engine
def test_receipts_of_other_sales_do_not_look_alike() -> None:
    sketches = [likeness(clean_picture(jpeg(receipt(seed)))).sketch for seed in range(40)]
    pairs = [(a, b) for a in range(40) for b in range(a) if alike(sketches[a], sketches[b])]
    assert pairs == []


@pytest.mark.parametrize("change", SAME)
def test_a_photo_that_comes_again_sends_the_second_sale_to_review(cast: Cast, tmp_path: Any, change: str) -> None:
    for seed in range(3, 9):  # other receipts around
        assert tell("CHLOE", keep(cast.chloe, jpeg(receipt(seed)), tmp_path)) == "accepted"
    assert tell("AWA", keep(cast.awa, jpeg(receipt(1)), tmp_path)) == "accepted"
    assert tell("BRUNO", keep(cast.bruno, SAME[change](receipt(1)), tmp_path)) == "in_review"
    waiting = select(Declaration.review_reasons).where(Declaration.status == "in_review")
    assert db.session.scalars(waiting).all() == ["same_photo"]


def test_another_receipt_and_pictures_that_show_nothing_are_not_taken_for_the_same(cast: Cast, tmp_path: Any) -> None:
    assert tell("AWA", keep(cast.awa, jpeg(receipt(1)), tmp_path)) == "accepted"
    assert tell("AWA", keep(cast.awa, jpeg(receipt(2)), tmp_path)) == "accepted"
    assert tell("AWA", keep(cast.awa, jpeg(Image.new("RGB", (300, 300), "black")), tmp_path)) == "accepted"
    assert tell("BRUNO", keep(cast.bruno, jpeg(Image.new("RGB", (300, 300), "grey")), tmp_path)) == "accepted"


def test_a_sale_taken_back_and_told_again_with_its_photo_is_not_suspected(cast: Cast, tmp_path: Any) -> None:
    assert tell("AWA", keep(cast.awa, jpeg(receipt(1)), tmp_path)) == "accepted"
    with transaction():
        withdraw(db.session.scalars(select(Declaration)).one(), by="AWA", at=NOW)
    assert tell("AWA", keep(cast.awa, jpeg(receipt(1)), tmp_path)) == "accepted"


def test_two_sales_sent_together_with_one_picture_wait_too(cast: Cast, tmp_path: Any) -> None:
    told = [
        Submission(
            f"sale-{number}", "AWA", TODAY, None, "store", (SubmittedLine("CREME", 1, None),),
            photo=keep(cast.awa, jpeg(receipt(1)), tmp_path),
        )
        for number in range(2)
    ]  # fmt: skip
    with transaction():
        statuses = [one.status for one in receive(told, by="AWA", at=NOW, zone=PARIS)]
    assert statuses == ["accepted", "in_review"]


def test_the_reviewer_sees_both_sales_and_the_seller_is_told_kindly(client: Client, cast: Cast, app: Any) -> None:
    folder = app.config["SETTINGS"].media_folder / "proofs"
    publish()
    first, second, own = str(uuid.uuid4()), str(uuid.uuid4()), str(uuid.uuid4())
    tell("AWA", keep(cast.awa, jpeg(receipt(1)), folder), name=first)
    tell("BRUNO", keep(cast.bruno, jpeg(receipt(1)), folder), name=second, sku="SERUM")
    before = str(uuid.uuid4())
    tell("AWA", keep(cast.awa, jpeg(receipt(2)), folder), name=before)
    tell("AWA", keep(cast.awa, jpeg(receipt(2), 50), folder), name=own)
    client.sign_in(cast.bruno)
    told = client.get(f"/declarations/{second}").text
    assert "Votre photo ressemble à celle d’une autre vente." in told
    assert first not in told  # whose it is is not his to know
    client.sign_in(cast.marc)
    page = client.get(f"/review/{second}").text
    assert "Sa photo est celle d’une autre vente, ou lui ressemble beaucoup." in page
    [beside] = re.findall(r'<div class="photos">(.*?)</div>', page, re.DOTALL)
    assert re.findall(r'src="([^"]+)"', beside) == [f"/declarations/{second}/proof", f"/declarations/{first}/proof"]
    assert "Cette vente" in beside and "L’autre vente\u00a0: Awa Diallo" in beside
    assert page.count(f'src="/declarations/{second}/proof"') == 1, "the photo is not shown twice"
    shown = client.get(f"/declarations/{first}/proof")
    assert shown.status_code == 200
    shown.close()
    client.sign_in(cast.awa)
    assert f'href="/declarations/{before}">Votre vente du' in client.get(f"/declarations/{own}").text


def test_a_correction_does_not_get_round_the_look_at_the_photo(cast: Cast, tmp_path: Any) -> None:
    tell("AWA", keep(cast.awa, jpeg(receipt(1)), tmp_path))
    assert tell("BRUNO", keep(cast.bruno, jpeg(receipt(1)), tmp_path), name="again") == "in_review"
    changed = Submission("again", "BRUNO", TODAY, None, "store", (SubmittedLine("SERUM", 1, None),))

    def waiting() -> Declaration:
        return db.session.scalars(select(Declaration).where(Declaration.public_id == "again")).one()

    with transaction():
        correct(waiting(), changed, by="BRUNO", at=NOW, zone=PARIS)
    assert (waiting().status, waiting().review_reasons) == ("in_review", "same_photo")
    assert db.session.scalar(select(Revision.proof).where(Revision.number == 2)) is not None
    with transaction():
        accept(waiting(), by="MARC", at=NOW)
    with transaction():
        correct(waiting(), changed, by="BRUNO", at=NOW, zone=PARIS)
    assert waiting().status == "accepted"


# — a photo that comes later —


def sale(name: str) -> tuple[Declaration, list[Revision]]:
    """A declaration and everything it has said, the first first."""
    declaration = db.session.scalars(select(Declaration).where(Declaration.public_id == name)).one()
    told = select(Revision).where(Revision.declaration_id == declaration.id).order_by(Revision.number)
    return declaration, list(db.session.scalars(told))


def say_again(name: str, person: str, photo: str, *, sku: str = "CREME", at: Any = NOW) -> str:
    """Correct a sale, with a photo; its status."""
    changed = Submission(name, person, TODAY, None, "store", (SubmittedLine(sku, 1, None),), photo=photo)
    with transaction():
        correct(sale(name)[0], changed, by=person, at=at, zone=PARIS)
    return sale(name)[0].status


def test_a_correction_brings_the_missing_photo_and_the_points_come(cast: Cast, tmp_path: Any) -> None:
    challenge = publish(proof="required")
    assert tell("AWA", "", name="late") == "in_review"
    assert sale("late")[0].review_reasons == "proof"
    assert say_again("late", "AWA", keep(cast.awa, jpeg(receipt(1)), tmp_path)) == "accepted"
    declaration, [first, second] = sale("late")
    assert (declaration.review_reasons, first.proof) == ("", None)
    assert second.proof == db.session.scalar(select(Photo.picture))
    assert db.session.get_one(Standing, (challenge.id, cast.awa.id)).points == 10


def test_another_photo_takes_the_place_of_the_first_which_stays_known(cast: Cast, tmp_path: Any) -> None:
    publish(proof="required")
    tell("AWA", keep(cast.awa, jpeg(receipt(1)), tmp_path), name="one")
    assert say_again("one", "AWA", keep(cast.awa, jpeg(receipt(2)), tmp_path)) == "accepted"
    _declaration, [first, second] = sale("one")
    assert first.proof and second.proof and first.proof != second.proof
    assert say_again("one", "AWA", "", sku="ROUGE") == "accepted", "without a photo the picture stays"
    assert sale("one")[1][2].proof == second.proof
    # The same receipt again, better taken, is nothing to look at; but none of them proves another sale.
    assert say_again("one", "AWA", keep(cast.awa, jpeg(receipt(2), 95), tmp_path)) == "accepted"
    for seed in (1, 2):
        assert tell("BRUNO", keep(cast.bruno, jpeg(receipt(seed)), tmp_path)) == "in_review"


def test_a_correction_with_the_photo_of_another_sale_waits(cast: Cast, tmp_path: Any) -> None:
    publish(proof="required")
    tell("AWA", keep(cast.awa, jpeg(receipt(1)), tmp_path))
    tell("BRUNO", "", name="late")
    assert say_again("late", "BRUNO", keep(cast.bruno, jpeg(receipt(1), 50), tmp_path)) == "in_review"
    assert sale("late")[0].review_reasons == "same_photo"
    again = keep(cast.bruno, jpeg(receipt(3)), tmp_path)
    assert say_again("late", "BRUNO", again) == "in_review", "what nobody has looked at is still to be looked at"


def test_a_correction_takes_only_a_whole_photo_of_ones_own_that_proves_no_other_sale(cast: Cast, tmp_path: Any) -> None:
    tell("AWA", "", name="late")
    used = keep(cast.awa, jpeg(receipt(1)), tmp_path)
    tell("AWA", used, name="other")
    for photo in (used, keep(cast.bruno, jpeg(receipt(2)), tmp_path), str(uuid.uuid4())):
        with pytest.raises(Refused) as refusal:
            say_again("late", "AWA", photo)
        assert [problem.field for problem in refusal.value.problems] == ["photo"]
        db.session.rollback()
    assert len(sale("late")[1]) == 1
    assert say_again("late", "AWA", keep(cast.awa, jpeg(receipt(3)), tmp_path)) == "accepted"


def test_without_scripts_the_correction_form_takes_the_picture_and_reviewers_see_both(
    client: Client, cast: Cast
) -> None:
    publish(proof="required")
    name = str(uuid.uuid4())
    tell("AWA", "", name=name)
    client.sign_in(cast.awa)
    waiting = client.get(f"/declarations/{name}").text
    assert f'href="/declarations/{name}/correction#proof"' in waiting
    shown = client.get(f"/declarations/{name}/correction").text
    assert 'type="file"' in shown and "demande une photo du ticket" in shown
    form = {"id": str(uuid.uuid4()), "sku": "CREME", "units": "1", "channel": "store", "sold_on": str(TODAY)}

    def correct_with(content: bytes, **changes: str) -> Any:
        sent = form | changes | {"proof": (BytesIO(content), "t.jpg")}
        return client.post(f"/declarations/{name}/correction", data=sent)

    refused = correct_with(b"no picture")
    assert refused.status_code == 422 and "Cette photo ne peut pas être lue" in refused.text
    assert correct_with(jpeg(receipt(1))).status_code == 302
    assert correct_with(jpeg(receipt(1))).status_code == 302, "sent twice is no harm"
    assert sale(name)[0].status == "accepted"
    assert "Cette photo reste avec la vente" in client.get(f"/declarations/{name}/correction").text
    assert correct_with(jpeg(receipt(2)), id=str(uuid.uuid4()), units="2000").status_code == 302
    assert sale(name)[0].review_reasons == "units"
    old = f"/declarations/{name}/proof?version=2"
    assert old in client.get(f"/declarations/{name}").text

    def sees(path: str) -> int:
        answer = client.get(path)
        answer.close()
        return answer.status_code

    assert (sees(old), sees(f"/declarations/{name}/proof?version=1")) == (200, 404)
    client.sign_in(cast.marc)
    assert old in client.get(f"/review/{name}").text
    assert (sees(old), sees(f"/declarations/{name}/proof")) == (200, 200)
    client.sign_in(cast.bruno)
    assert (sees(old), sees(f"/declarations/{name}/proof")) == (404, 404)


def test_a_refusal_for_lack_of_a_photo_is_contested_with_one(
    client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge = publish(proof="required")
    names = [str(uuid.uuid4()) for _ in range(3)]
    for name in names:
        tell("AWA", "", name=name)
        with transaction():
            reject(sale(name)[0], "no_proof" if name != names[2] else "other", by="MARC", at=NOW)
    client.sign_in(cast.awa)

    def contest(name: str, content: bytes | None) -> Any:
        data = {"proof": (BytesIO(content), "t.jpg")} if content else {}
        return client.post(f"/declarations/{name}/contest", data=data)

    assert 'type="file"' in client.get(f"/declarations/{names[0]}").text
    assert 'type="file"' not in client.get(f"/declarations/{names[2]}").text
    refused = contest(names[0], b"no picture")
    assert refused.status_code == 422 and "Cette photo ne peut pas être lue" in refused.text
    assert contest(names[0], jpeg(receipt(1))).status_code == 302
    declaration, [first, second] = sale(names[0])
    assert (declaration.status, declaration.review_reasons) == ("in_review", "contested")
    assert first.proof is None and second.proof and second.sold_on == first.sold_on
    client.sign_in(cast.marc)
    assert f"/declarations/{names[0]}/proof" in client.get(f"/review/{names[0]}").text
    with transaction():
        accept(sale(names[0])[0], by="MARC", at=NOW)
    assert db.session.get_one(Standing, (challenge.id, cast.awa.id)).points == 10

    # Once the time for declaring is over, what was said stays; contesting goes on without the photo.
    late = challenge.declare_until
    monkeypatch.setattr(clock, "now", lambda: late)
    client.sign_in(cast.awa)
    assert 'type="file"' not in client.get(f"/declarations/{names[1]}").text
    client.get(contest(names[1], jpeg(receipt(2))).location)
    assert (sale(names[1])[0].status, len(sale(names[1])[1])) == ("rejected", 1)
    assert contest(names[1], None).status_code == 302
    assert (sale(names[1])[0].status, len(sale(names[1])[1])) == ("in_review", 1)
