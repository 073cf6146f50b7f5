"""A link, by mail or on paper, lets one person in once; then the data notice comes before anything else."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from network import invitations, operations
from network.models import Person
from network.queries import person_by_code


@pytest.fixture
def zoe(cast):
    """Someone who has never come in: zoe() reads her afresh."""
    with transaction():
        outlet = cast.outlet("PDV-BREST")
        db.session.add(
            Person(
                code="ZOE",
                name="Zoé Le Bihan",
                email="zoe@example.org",
                outlet=outlet,
                role="reseller",
                status="employee",
                language="fr",
                created_at=clock.now(),
                session_key="key-of-zoe",
            )
        )

    def read() -> Person:
        return person_by_code("ZOE")

    return read


def link(person: Person, **options) -> str:
    with transaction():
        return "/welcome/" + invitations.invite(person, by="MARC", at=options.get("at", clock.now()))


def test_a_link_shows_whose_it_is_and_lets_in_when_told_to(client, zoe):
    address = link(zoe())
    assert "Zoé Le Bihan" in client.get(address).text
    assert client.get("/me").status_code == 302, "looking at the page lets nobody in"
    client.post(address)
    assert client.get("/welcome").status_code == 200


def test_a_link_serves_once(app, zoe):
    address = link(zoe())
    one, other = app.test_client(), app.test_client()
    assert one.post(address).status_code == 302
    assert other.post(address).status_code == 410
    assert other.get(address).status_code == 410
    assert other.get("/welcome").status_code == 302


def test_using_one_link_ends_the_others(app, zoe):
    first, second = link(zoe()), link(zoe())
    app.test_client().post(first)
    assert app.test_client().post(second).status_code == 410


def test_a_link_lasts_fourteen_days(client, zoe):
    assert client.get(link(zoe(), at=clock.now() - timedelta(days=13, hours=23))).status_code == 200
    assert client.get(link(zoe(), at=clock.now() - timedelta(days=14))).status_code == 410


def test_a_link_of_a_suspended_person_is_closed(client, zoe):
    address = link(zoe())
    with transaction():
        operations.suspend(zoe(), by="MARC", at=clock.now())
    assert client.post(address).status_code == 410


def test_a_made_up_link_is_closed(client):
    assert client.get("/welcome/nothing").status_code == 410


def test_whoever_is_already_in_needs_no_link(cast):
    with pytest.raises(invitations.Refused), transaction():
        invitations.invite(cast.awa, by="MARC", at=clock.now())


def test_whoever_has_no_address_can_always_get_a_link(cast, client):
    with transaction():
        cast.awa.email = None
    assert client.post(link(cast.awa)).status_code == 302
    assert client.get("/me").status_code == 200


def test_a_reseller_reads_the_notice_before_anything_else(client, zoe):
    client.sign_in(zoe())
    for address in ("/me", "/rewards"):
        assert client.get(address).headers["Location"] == f"/welcome?next={address}"
    page = client.get("/welcome").text
    for promise in ("Ce qui est gardé", "Pourquoi", "Combien de temps", "Vos droits"):
        assert promise in page
    assert client.post("/welcome").headers["Location"] == "/me?first=1"
    assert zoe().notice_accepted_at is not None
    assert client.get("/rewards").status_code == 200


def test_after_the_notice_and_the_profile_one_goes_on_to_where_one_was_going(client, zoe):
    client.sign_in(zoe())
    profile = client.post("/welcome", data={"next": "/rewards"}).headers["Location"]
    assert profile == "/me?first=1&next=/rewards"
    assert 'name="next" value="/rewards"' in client.get(profile).text
    chosen = {"nickname": "Comète", "language": "fr", "first": "1", "next": "/rewards"}
    assert client.post("/me", data=chosen).headers["Location"] == "/rewards"


def test_the_notice_can_be_left_or_read_in_another_language(client, zoe):
    client.sign_in(zoe())
    assert client.post("/language", data={"language": "en", "next": "/welcome"}).headers["Location"] == "/welcome"
    assert client.post("/sign-out").headers["Location"] == "/sign-in"


def test_the_date_of_the_first_reading_stays(client, zoe):
    client.sign_in(zoe())
    client.post("/welcome")
    first = zoe().notice_accepted_at
    client.post("/welcome")
    assert zoe().notice_accepted_at == first


def test_an_animator_invites_by_mail(client, cast, zoe, letters):
    client.sign_in(cast.marc)
    assert "Envoyer une invitation" in client.get("/studio/network/people/ZOE").text
    assert client.post("/studio/network/people/ZOE/invitation").status_code == 302
    letter = letters()[-1]
    assert (letter.recipient, letter.urgent) == ("zoe@example.org", False)
    address = re.search(r"http://localhost(/welcome/\S+)", letter.text).group(1)
    client.post("/sign-out")
    assert client.post(address).status_code == 302
    assert client.get("/welcome").status_code == 200


def test_an_invitation_is_not_sent_to_someone_already_in(client, cast, letters):
    client.sign_in(cast.marc)
    client.post("/studio/network/people/AWA/invitation")
    assert letters() == []


def test_an_animator_does_not_invite_an_administrator_and_an_administrator_does(client, cast, letters):
    with transaction():
        cast.ada.notice_accepted_at = None
    client.sign_in(cast.marc)
    assert client.post("/studio/network/people/ADA/invitation").status_code == 404
    client.sign_in(cast.ada)
    assert client.post("/studio/network/people/ADA/invitation").status_code == 302
    assert len(letters()) == 1


def test_a_sheet_has_a_qr_code_for_each_who_is_not_in_yet(client, cast, zoe):
    client.sign_in(cast.marc)
    before = client.get("/studio/network/outlets/PDV-BREST/sheet").text
    assert "1 personne recevra une carte" in before
    assert "<path" not in before.split("<main")[1].split('class="qr"')[-1] or 'class="qr"' not in before
    sheet = client.post("/studio/network/outlets/PDV-BREST/sheet").text
    assert "Zoé Le Bihan" in sheet and 'class="qr"' in sheet
    assert "Awa Diallo" not in sheet.split("<main")[1]
    assert "style=" not in sheet


def test_a_sheet_never_lets_into_the_account_of_an_animator(client, cast):
    with transaction():
        cast.marc.notice_accepted_at = None
        cast.marc.outlet = cast.outlet("PDV-BREST")
    client.sign_in(cast.ada)
    assert "Marc Petit" not in client.post("/studio/network/outlets/PDV-BREST/sheet").text
