"""Notices on devices: encrypted for one browser, once, by day; to nobody who did not ask; forgotten when dead."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from py_vapid import Vapid
from sqlalchemy import delete, select

from foundation import mail, web_push
from foundation.database import db
from foundation.models import OutboxMessage
from foundation.settings import PUSH_SERVICES, WrongSetting, read_settings
from foundation.transactions import transaction
from network import pushing, topics
from network.jobs import forget_pushes, send_notices
from network.models import Device, NoticeChoice, Person, Push
from network.notices import first_time, notices_of, notify, read
from network.operations import suspend
from network.rules import Refused
from network.zones import zone_name, zone_of
from tests.cast import Cast
from tests.conftest import Client
from tests.declarations.stage import NOW
from tests.network.push_service import Browser, PushService, push_service

KEY = web_push.new_key()


@pytest.fixture
def service() -> Iterator[PushService]:
    """A push service."""
    with push_service() as running:
        yield running


@pytest.fixture(autouse=True)
def _keys(app):
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], push_key=KEY, push_services=("127.0.0.1",))


def subscribe(person: Person, browser: Browser, *, timezone: str = "Europe/Paris", at: datetime = NOW) -> None:
    with transaction():
        pushing.add_device(person, **browser.said, name="Chrome", timezone=timezone, by=person.code, at=at)


def tell(*people: Person, kind: str = "extension", title: str = "Hiver est prolongé", at: datetime = NOW) -> None:
    with transaction():
        notify([one.id for one in people], kind, title, "Jusqu’à dimanche.", "/challenges/hiver", at=at)


def count(model) -> int:
    db.session.rollback()
    return len(db.session.scalars(select(model)).all())


def test_a_notice_reaches_the_device_and_only_its_browser_can_read_it(cast: Cast, service: PushService):
    phone = service.browser()
    subscribe(cast.awa, phone)
    tell(cast.awa, cast.bruno)
    assert list(send_notices(NOW)) == ["1 notices set off", "pushes: 1 sent"]
    [(path, headers, body)] = service.taken
    [notice] = db.session.scalars(notices_of(cast.awa))
    assert path == "/push/phone"
    assert phone.read(body) == {
        "title": "Hiver est prolongé",
        "body": "Jusqu’à dimanche.",
        "address": f"/notices/{notice.id}",
        "tag": f"notice-{notice.id}",
    }
    assert b"Hiver" not in body and b"Awa" not in body
    assert headers["content-encoding"] == "aes128gcm"
    assert int(headers["ttl"]) == 8 * 3600  # noon to eight in the evening
    assert Vapid.verify(headers["authorization"])
    assert f"k={web_push.public_key(KEY)}" in headers["authorization"]


def test_who_did_not_ask_or_said_no_or_has_read_it_gets_nothing(cast: Cast, service: PushService):
    for person in (cast.awa, cast.bruno, cast.chloe):
        subscribe(person, service.browser(person.code))
    with transaction():
        topics.choose(cast.awa, {"changes": {"push": False}, "results": {"push": True}})
    tell(cast.awa, cast.bruno, cast.chloe, cast.nina)
    with transaction():
        [notice] = db.session.scalars(notices_of(cast.bruno)).all()
        read(cast.bruno, notice.id, at=NOW)
    list(send_notices(NOW))
    assert [path for path, _headers, _body in service.taken] == ["/push/CHLOE"]
    tell(cast.awa, kind="closed")
    list(send_notices(NOW))
    assert [path for path, _headers, _body in service.taken] == ["/push/CHLOE", "/push/AWA"]


def test_the_suspended_get_nothing_that_was_already_on_its_way(cast: Cast, service: PushService):
    subscribe(cast.awa, service.browser())
    subscribe(cast.bruno, service.browser("other"))
    tell(cast.awa, cast.bruno)
    with transaction():
        pushing.set_off(at=NOW)
        suspend(cast.awa, by="MARC", at=NOW)
    list(send_notices(NOW))
    assert [path for path, _headers, _body in service.taken] == ["/push/other"]


# Instants in local time, and when a push for it leaves.
NIGHTS = [
    ("Europe/Paris", "2026-02-04T12:00", "2026-02-04T12:00"),
    ("Europe/Paris", "2026-02-04T08:00", "2026-02-04T08:00"),
    ("Europe/Paris", "2026-02-04T07:59", "2026-02-04T08:00"),
    ("Europe/Paris", "2026-02-04T19:59", "2026-02-04T19:59"),
    ("Europe/Paris", "2026-02-04T20:00", "2026-02-05T08:00"),
    ("Europe/Paris", "2026-02-07T20:00", "2026-02-09T08:00"),
    ("Europe/Paris", "2026-02-08T12:00", "2026-02-09T08:00"),
    ("Europe/Paris", "2026-02-08T23:59", "2026-02-09T08:00"),
    # the clocks go forward in the night to a Sunday, and back
    ("Europe/Paris", "2026-03-28T21:00", "2026-03-30T08:00"),
    ("Europe/Paris", "2026-10-24T21:00", "2026-10-26T08:00"),
    ("America/Guadeloupe", "2026-02-04T21:00", "2026-02-05T08:00"),
    ("Indian/Reunion", "2026-02-04T07:00", "2026-02-04T08:00"),
    ("Pacific/Noumea", "2026-02-08T09:00", "2026-02-09T08:00"),
    ("America/New_York", "2026-03-07T20:30", "2026-03-09T08:00"),
    ("Europe/Lisbon", "2026-03-29T10:00", "2026-03-30T08:00"),
]


@pytest.mark.parametrize(("zone", "told", "leaves"), NIGHTS)
def test_no_device_rings_at_night_or_on_a_sunday_where_it_is(cast: Cast, service: PushService, zone, told, leaves):
    at, then = (datetime.fromisoformat(one).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for one in (told, leaves))
    subscribe(cast.awa, service.browser(), timezone=zone, at=at)
    tell(cast.awa, at=at)
    list(send_notices(at))
    assert len(service.taken) == (1 if at == then else 0)
    if at != then:
        list(send_notices(then - timedelta(minutes=1)))
        assert service.taken == []
        list(send_notices(then))
    assert len(service.taken) == 1


def test_a_second_try_that_falls_into_the_night_waits_too(cast: Cast, service: PushService):
    evening = datetime(2026, 2, 4, 18, 59, tzinfo=UTC)  # 19:59 in Paris
    subscribe(cast.awa, service.browser())
    tell(cast.awa, at=evening)
    service.answers = [503]
    assert list(send_notices(evening)) == ["1 notices set off", "pushes: 1 put off"]
    list(send_notices(evening + timedelta(minutes=5)))
    assert service.taken == []
    list(send_notices(datetime(2026, 2, 5, 7, 0, tzinfo=UTC)))
    assert len(service.taken) == 1


@pytest.mark.parametrize("answer", [429, 500, 503, "cut"])
def test_a_service_in_trouble_is_asked_again_later_and_later(cast: Cast, service: PushService, answer):
    subscribe(cast.awa, service.browser())
    tell(cast.awa)
    service.answers = [answer, answer]
    assert list(send_notices(NOW))[-1] == "pushes: 1 put off"
    assert list(send_notices(NOW + timedelta(seconds=30))) == []
    assert list(send_notices(NOW + timedelta(minutes=1))) == ["pushes: 1 put off"]
    assert list(send_notices(NOW + timedelta(minutes=2))) == []
    assert list(send_notices(NOW + timedelta(minutes=3))) == ["pushes: 1 sent"]
    assert list(send_notices(NOW + timedelta(hours=2))) == []


@pytest.mark.parametrize("answer", [404, 410])
def test_a_dead_subscription_is_removed_and_the_others_live(cast: Cast, service: PushService, answer):
    subscribe(cast.awa, service.browser("old"), at=NOW - timedelta(days=1))
    subscribe(cast.awa, service.browser("new"))
    tell(cast.awa)
    service.answers = [answer]
    assert list(send_notices(NOW))[-1] == "pushes: 1 sent, 1 gone"
    [device] = db.session.scalars(select(Device)).all()
    assert device.endpoint.endswith("/new")
    assert count(Push) == 1


def test_a_service_whose_answer_never_ends_holds_up_nobody(cast: Cast, service: PushService):
    subscribe(cast.awa, service.browser("endless"))
    subscribe(cast.bruno, service.browser("other"))
    tell(cast.awa, cast.bruno)
    service.answers = ["endless"]
    assert list(send_notices(NOW))[-1] == "pushes: 2 sent"
    assert len(service.taken) == 2


@pytest.mark.parametrize("answer", [403, 301, 307])
def test_what_a_service_refuses_or_sends_elsewhere_is_given_up(cast: Cast, service: PushService, answer):
    subscribe(cast.awa, service.browser())
    tell(cast.awa)
    service.answers = [answer]
    assert list(send_notices(NOW))[-1] == "pushes: 1 refused"
    assert list(send_notices(NOW + timedelta(hours=1))) == []
    assert count(Device) == 1


def test_two_schedulers_at_once_send_each_notice_once(app, cast: Cast, service: PushService):
    for number in range(6):
        subscribe(cast.awa if number % 2 else cast.bruno, service.browser(str(number)))
    tell(cast.awa, cast.bruno)
    tell(cast.awa, title="Encore")
    db.session.remove()
    ready, failed = threading.Barrier(3), []

    def work() -> None:
        with app.app_context():
            ready.wait()
            try:
                list(send_notices(NOW))
            except Exception as error:
                failed.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert len(service.taken) == 9
    assert len({(path, headers["topic"]) for path, headers, _body in service.taken}) == 9


def test_who_wants_a_topic_by_mail_gets_it_once_with_the_way_to_stop(cast: Cast):
    with transaction():
        topics.choose(cast.awa, {"changes": {"mail": True}})
    tell(cast.awa, cast.bruno)
    list(send_notices(NOW))
    list(send_notices(NOW))
    [letter] = db.session.scalars(select(OutboxMessage)).all()
    assert (letter.recipient, letter.subject) == ("awa@example.org", "Hiver est prolongé")
    assert "Jusqu’à dimanche." in letter.text and "/notices/" in letter.text and "/me#notifications" in letter.text


def test_mails_leave_by_day_where_their_reader_lives(app, cast: Cast):
    with transaction():
        cast.outlet("PDV-BREST").department = "974"
        topics.choose(cast.awa, {"changes": {"mail": True}})
    evening = datetime(2026, 2, 4, 17, 0, tzinfo=UTC)  # 18:00 in Paris, 21:00 in Saint-Denis
    tell(cast.awa, at=evening)
    list(send_notices(evening))
    assert mail.deliver_due(evening) == (0, [])
    assert mail.deliver_due(datetime(2026, 2, 5, 3, 59, tzinfo=UTC)) == (0, [])
    assert mail.deliver_due(datetime(2026, 2, 5, 4, 0, tzinfo=UTC)) == (1, [])


@pytest.mark.parametrize(
    ("country", "department", "zone"),
    [
        ("FR", "29", "Europe/Paris"),
        ("FR", "974", "Indian/Reunion"),
        ("RE", "", "Indian/Reunion"),
        ("BE", "", "Europe/Brussels"),
        ("US", "", None),
        ("", "", None),
    ],
)
def test_the_hour_of_an_outlet_is_known_by_its_country_and_department(country, department, zone):
    assert zone_name(country, department) == zone


def test_a_device_knows_better_than_the_outlet_where_it_is(cast: Cast):
    assert zone_of(cast.awa, "Indian/Reunion").key == "Indian/Reunion"
    assert zone_of(cast.awa, "Nowhere/Else").key == "Europe/Paris"


def test_what_is_told_once_a_day_is_claimed_once(cast: Cast):
    day = NOW.date()
    with transaction():
        assert first_time([cast.awa.id, cast.bruno.id], "overtaken", day) == {cast.awa.id, cast.bruno.id}
    with transaction():
        assert first_time([cast.awa.id, cast.chloe.id], "overtaken", day) == {cast.chloe.id}
        assert first_time([cast.awa.id], "overtaken", day + timedelta(days=1)) == {cast.awa.id}


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Paris")).astimezone(UTC)


def overtaken(person: Person, title: str, told: str) -> None:
    """Somebody is told, and a minute later what can leave does."""
    tell(person, kind="overtaken", title=title, at=local(told))
    list(send_notices(local(told) + timedelta(minutes=1)))


def test_of_the_places_lost_over_a_week_end_the_phone_rings_for_the_last_one(cast: Cast, service: PushService):
    phone, tablet = service.browser("phone"), service.browser("tablet")
    subscribe(cast.bruno, phone)
    subscribe(cast.awa, tablet)
    overtaken(cast.bruno, "samedi", "2026-02-07T21:40")
    overtaken(cast.awa, "samedi", "2026-02-07T21:40")
    tell(cast.bruno, title="Hiver est prolongé", at=local("2026-02-07T22:00"))
    overtaken(cast.bruno, "dimanche", "2026-02-08T15:40")
    overtaken(cast.bruno, "lundi", "2026-02-09T07:40")
    assert service.taken == []
    list(send_notices(local("2026-02-09T08:00")))
    rung = {(path, (phone if "phone" in path else tablet).read(body)["title"]) for path, _, body in service.taken}
    assert rung == {("/push/phone", "lundi"), ("/push/phone", "Hiver est prolongé"), ("/push/tablet", "samedi")}
    assert len(service.taken) == 3
    assert len(db.session.scalars(notices_of(cast.bruno)).all()) == 4  # inside, nothing is lost


def test_who_was_told_this_morning_of_a_place_lost_is_told_no_more_that_day(cast: Cast, service: PushService):
    phone = service.browser()
    subscribe(cast.bruno, phone)
    overtaken(cast.bruno, "samedi", "2026-02-07T21:40")
    list(send_notices(local("2026-02-09T08:00")))
    overtaken(cast.bruno, "lundi", "2026-02-09T09:40")
    assert [phone.read(body)["title"] for _, _, body in service.taken] == ["samedi"]
    overtaken(cast.bruno, "mardi", "2026-02-10T09:40")
    assert [phone.read(body)["title"] for _, _, body in service.taken] == ["samedi", "mardi"]


def test_a_place_lost_again_takes_the_place_of_what_the_phone_still_shows(cast: Cast, service: PushService):
    phone = service.browser()
    subscribe(cast.bruno, phone)
    overtaken(cast.bruno, "lundi", "2026-02-09T09:40")
    overtaken(cast.bruno, "mardi", "2026-02-10T09:40")
    assert [headers["topic"] for _, headers, _ in service.taken] == ["overtaken", "overtaken"]
    assert [phone.read(body)["tag"] for _, _, body in service.taken] == ["overtaken", "overtaken"]


def test_several_places_lost_while_the_clock_stood_still_ring_once(cast: Cast, service: PushService):
    phone = service.browser()
    subscribe(cast.bruno, phone)
    for title in ("un", "deux", "trois"):
        tell(cast.bruno, kind="overtaken", title=title)
    list(send_notices(NOW))
    assert [phone.read(body)["title"] for _, _, body in service.taken] == ["trois"]


def test_what_went_a_month_ago_is_forgotten(cast: Cast, service: PushService):
    subscribe(cast.awa, service.browser())
    tell(cast.awa)
    list(send_notices(NOW))
    assert list(forget_pushes(NOW + timedelta(days=29))) == []
    assert list(forget_pushes(NOW + timedelta(days=31))) == ["1 pushes removed"]


# --- devices ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://10.0.0.1/push", "https://push.example.org/x", "https://fcm.googleapis.com@10.0.0.1/", "file:///etc",
        "https://fcm.googleapis.com:22/x", "https://evilfcm.googleapis.com/x", "https://[::1", "",
        r"https://10.0.0.7\.push.apple.com/x", r"https://10.0.0.7\@web.push.apple.com/x", "http://web.push.apple.com/x",
        "https://10.0.0.7#.push.apple.com/x", "https://10.0.0.7?.push.apple.com", "https://10.0.0.7/.push.apple.com",
        "https://a..push.apple.com/x", "https://.push.apple.com/x", "https://web.push.apple.com",
        "https://web.push.apple.com/\n", "https://web.push.apple.com/a b", r"https://web.push.apple.com/\x",
        "https://web。push.apple.com/x", f"https://{'a' * 64}.push.apple.com/x", "https://localhost:22/x",
    ],
)  # fmt: skip
def test_we_send_to_the_services_of_browsers_and_nowhere_else(app, cast: Cast, endpoint):
    services = ("fcm.googleapis.com", ".push.apple.com")
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], push_services=services)
    said = Browser("https://fcm.googleapis.com/fcm/send/abc").said
    with pytest.raises(Refused), transaction():
        pushing.add_device(cast.awa, **(said | {"endpoint": endpoint}), name="", timezone="", by="AWA", at=NOW)
    with transaction():
        pushing.add_device(cast.awa, **said, name="", timezone="", by="AWA", at=NOW)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/dK8x-Q0:APA91bF_w~%3D",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABl-_=",
        "https://web.push.apple.com/QOd3-x_y",
        "https://db5p.notify.windows.com/w/?token=BQYAAAD%2bA%3d%3d",
    ],
)
def test_the_addresses_that_browsers_give_are_taken(endpoint):
    assert web_push.is_service(endpoint, PUSH_SERVICES)


def test_an_address_kept_before_it_was_refused_is_never_asked(app, cast: Cast, service: PushService):
    subscribe(cast.awa, service.browser())
    with transaction():
        [device] = db.session.scalars(select(Device)).all()
        device.endpoint = r"https://127.0.0.1\.push.apple.com/x"
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], push_services=PUSH_SERVICES)
    tell(cast.awa)
    assert list(send_notices(NOW))[-1] == "pushes: 1 refused"


def test_a_phone_that_changes_hands_tells_its_first_owner_nothing_more(cast: Cast, service: PushService):
    phone = service.browser()
    subscribe(cast.awa, phone)
    tell(cast.awa)
    with transaction():
        pushing.set_off(at=NOW)
    subscribe(cast.bruno, phone)
    list(send_notices(NOW))
    tell(cast.awa, cast.bruno, title="Encore")
    list(send_notices(NOW))
    [(_path, _headers, body)] = service.taken
    assert phone.read(body)["title"] == "Encore"
    [device] = db.session.scalars(select(Device)).all()
    assert device.person_id == cast.bruno.id


def test_the_browser_adds_itself_and_signing_out_takes_it_away(client: Client, cast: Cast, service: PushService):
    client.sign_in(cast.awa)
    assert client.post("/me/devices", data=service.browser().said | {"name": "Chrome, Android"}).status_code == 204
    page = client.get("/me").text
    assert "Chrome, Android" in page and "Cet appareil" in page
    client.post("/sign-out")
    assert count(Device) == 0


def test_signing_in_as_another_takes_the_first_ones_notices_off_the_phone(app, cast: Cast, service: PushService):
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], demonstration=True)
    phone = app.test_client()
    phone.sign_in(cast.awa)
    phone.post("/me/devices", data=service.browser().said)
    phone.post("/sign-in/demonstration", data={"person": "AWA"})
    assert count(Device) == 1
    phone.post("/sign-in/demonstration", data={"person": "BRUNO"})
    assert count(Device) == 0


def test_a_phone_that_its_service_forgot_does_not_take_anothers_notices_away(app, cast: Cast, service: PushService):
    phones = {person: app.test_client() for person in (cast.awa, cast.bruno)}
    for person in phones:
        phones[person].sign_in(person)
    phones[cast.awa].post("/me/devices", data=service.browser("awa").said)
    [number] = db.session.scalars(select(Device.id)).all()
    with transaction():
        db.session.execute(delete(Device))  # its service said 410
        db.session.add(
            Device(
                id=number,
                person_id=cast.bruno.id,
                endpoint=service.browser("bruno").endpoint,
                p256dh="",
                auth="",
                name="",
                timezone="",
                created_at=NOW,
            )
        )
    assert "Cet appareil" not in phones[cast.awa].get("/me").text
    phones[cast.awa].post("/sign-out")
    assert count(Device) == 1
    phones[cast.bruno].post("/me/devices", data=service.browser("bruno").said)
    assert count(Device) == 1 and "Cet appareil" in phones[cast.bruno].get("/me").text
    phones[cast.bruno].post("/sign-out")
    assert count(Device) == 0


@pytest.mark.parametrize("cookie", ["", "1", "nonsense.abc"])
def test_a_cookie_we_did_not_write_is_no_device(client: Client, cast: Cast, service: PushService, cookie):
    subscribe(cast.awa, service.browser())
    client.sign_in(cast.awa)
    client.set_cookie("device", cookie)
    assert "Cet appareil" not in client.get("/me").text
    client.post("/sign-out")
    assert count(Device) == 1


def test_signing_out_everywhere_takes_every_device_away(client: Client, cast: Cast, service: PushService):
    subscribe(cast.awa, service.browser("one"))
    subscribe(cast.bruno, service.browser("two"))
    client.sign_in(cast.awa)
    client.post("/sign-out-everywhere")
    [left] = db.session.scalars(select(Device)).all()
    assert left.person_id == cast.bruno.id


def test_what_no_browser_says_is_refused_and_nothing_kept(client: Client, cast: Cast, service: PushService):
    client.sign_in(cast.awa)
    said = service.browser().said
    for wrong in ({"auth": "AAAA"}, {"p256dh": "AAAA"}, {"endpoint": "https://example.org/"}, {"p256dh": "é"}):
        assert client.post("/me/devices", data=said | wrong).status_code == 422
    assert count(Device) == 0


def test_another_ones_device_cannot_be_removed_ones_own_can(client: Client, cast: Cast, service: PushService):
    subscribe(cast.awa, service.browser())
    [device] = db.session.scalars(select(Device)).all()
    client.sign_in(cast.bruno)
    assert client.post(f"/me/devices/{device.id}/removal").status_code == 404
    client.sign_in(cast.awa)
    assert client.post(f"/me/devices/{device.id}/removal").status_code == 302
    assert count(Device) == 0


def test_somebody_has_ten_devices_at_most_the_newest(cast: Cast, service: PushService):
    for number in range(12):
        subscribe(cast.awa, service.browser(str(number)), at=NOW + timedelta(minutes=number))
    kept = [device.endpoint.rpartition("/")[2] for device in db.session.scalars(pushing.devices_of(cast.awa.id))]
    assert kept == [str(number) for number in range(11, 1, -1)]


# --- choices and pages -----------------------------------------------------------------------------------------------


def test_choices_are_kept_without_scripts_and_shown_again(client: Client, cast: Cast):
    client.sign_in(cast.awa)
    client.post("/me/notifications", data={"changes.mail": "1", "order.push": "1"})
    made = topics.choices_of(cast.awa.id)
    assert made["changes"] == {"push": False, "mail": True} and made["order"] == {"push": True, "mail": False}
    assert made["digest"] == {"push": None, "mail": False} and made["overtaken"]["mail"] is None
    page = client.get("/me").text
    assert 'name="changes.mail" value="1" checked' in page and 'name="digest.mail" value="1">' in page
    assert topics.choices_of(cast.bruno.id)["digest"]["mail"] is True


def test_without_keys_pushes_are_not_offered_and_what_was_chosen_stays(app, client: Client, cast: Cast):
    with transaction():
        db.session.add(NoticeChoice(person_id=cast.awa.id, topic="order", push=False, mail=True))
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], push_key=None)
    client.sign_in(cast.awa)
    page = client.get("/me").text
    assert "data-push" not in page and ".push" not in page and "order.mail" in page
    client.post("/me/notifications", data={"order.mail": "1"})
    assert topics.choices_of(cast.awa.id)["order"] == {"push": False, "mail": True}
    assert topics.choices_of(cast.awa.id)["changes"]["push"] is True


def test_notices_are_filtered_by_what_they_are_about(client: Client, cast: Cast):
    tell(cast.awa, title="Prolongé")
    tell(cast.awa, kind="order", title="Votre cadeau est parti")
    client.sign_in(cast.awa)
    page = client.get("/notices?topic=order").text
    assert "Votre cadeau est parti" in page and "Prolongé" not in page
    for address in ("/notices", "/notices?topic=unknown", "/notices?topic=results"):
        page = client.get(address).text
        assert "Votre cadeau est parti" in page and "Prolongé" in page


def test_a_pair_of_keys_is_printed_and_taken(runner, tmp_path):
    said = runner.run("notices", "key").output
    private = said.split("=")[1].split()[0]
    environment = {"SECRET_KEY": "a-secret-for-tests-only", "PALMARES_VAPID_PRIVATE_KEY": private}
    assert read_settings(environment, root=tmp_path).push_key == private
    assert web_push.public_key(private) in said
    for wrong in ("abc", "é" * 43, "A" * 43):
        with pytest.raises(WrongSetting, match="PALMARES_VAPID_PRIVATE_KEY"):
            read_settings(environment | {"PALMARES_VAPID_PRIVATE_KEY": wrong}, root=tmp_path)
