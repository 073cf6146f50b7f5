"""The page of badges, and their pictures."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import pytest
from PIL import Image

from badges.operations import grant_earned
from badges.pictures import SIZE, draw
from badges.rules import BADGES, Badge, Counts
from foundation.transactions import transaction
from tests.cast import Cast
from tests.conftest import Client

AT = datetime(2026, 2, 4, 23, 30, tzinfo=UTC)  # the 5th already in Paris


def test_a_reseller_sees_what_is_earned_with_its_date_and_what_is_left_with_how(client: Client, cast: Cast) -> None:
    with transaction():
        grant_earned({cast.awa.id: Counts(1)}, at=AT)
    client.sign_in(cast.awa)
    page = client.get("/badges").text
    assert "1 badge gagné sur 6" in page
    assert "Gagné le 5 février 2026" in page
    assert "Terminez un challenge dans les trois premiers." in page
    assert "Déclarez une vente et attendez" not in page


def test_a_newcomer_is_told_where_the_first_badge_comes_from(client: Client, cast: Cast) -> None:
    client.sign_in(cast.nina)
    assert "Le premier vient avec votre première vente acceptée." in client.get("/badges").text


def test_badges_are_for_those_who_play(client: Client, cast: Cast) -> None:
    client.sign_in(cast.marc)
    assert client.get("/badges").status_code == 404


@pytest.mark.parametrize("badge", BADGES, ids=lambda badge: badge.code)
def test_a_medal_is_a_round_picture_that_never_changes(badge: Badge) -> None:
    data = draw(badge)
    picture = Image.open(BytesIO(data))
    assert (picture.format, picture.size, picture.mode) == ("WEBP", (SIZE, SIZE), "RGBA")
    assert picture.getpixel((0, 0))[3] == 0
    assert picture.getpixel((SIZE // 2, SIZE // 2))[3] == 255
    assert draw(badge) == data


def test_medals_are_public_and_kept_by_browsers(client: Client) -> None:
    answer = client.get("/badges/podium.webp")
    assert answer.mimetype == "image/webp"
    assert answer.headers["Cache-Control"] == "max-age=31536000, public, immutable" or (
        "public" in answer.headers["Cache-Control"] and "max-age=31536000" in answer.headers["Cache-Control"]
    )
    again = client.get("/badges/podium.webp", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    small = client.get("/badges/small/podium.webp")
    assert len(small.data) < 6_000 < len(answer.data) < 15_000


def test_there_is_no_medal_for_an_unknown_badge(client: Client) -> None:
    assert client.get("/badges/unknown.webp").status_code == 404
