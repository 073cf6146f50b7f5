"""A provider on the other side of a real connection: lost answers, slow ones, repeated and forged messages."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sqlalchemy import func, select
from standardwebhooks.webhooks import Webhook

from foundation.database import db
from foundation.transactions import transaction
from network.models import Notice
from rewards import fulfilment, jobs, orders
from rewards.jobs import ask_providers, tell_providers
from rewards.models import Order, ProviderEvent
from rewards.providers import HttpProvider, ManualProvider, Parcel, Unreachable, Word
from rewards.queries import changes_of
from rewards.rules import NotOrdered
from tests.rewards.shop import ADDRESS, NOW, balance, broken_wallets, credit, fresh, offer, order, stock

SECRET = "whsec_" + "c2VjcmV0LW9mLXRoZS1wcm92aWRlci1mb3ItdGVzdHM="
TOKEN = "a-token-for-tests-only"


class Service(ThreadingHTTPServer):
    """A provider. It ships once per order number, whatever happens to its answers; `moods` are used up in turn:

    fine, lost (it ships, then the connection is cut), slow (it ships, then answers too late), broken (500, nothing
    done), cut (half an answer), noise (no JSON), endless, no (it refuses), away (401).
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Counter)
        self.shipped: dict[str, dict[str, Any]] = {}
        self.states: dict[str, str] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.moods: list[str] = []
        self.release = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v2"


class _Counter(BaseHTTPRequestHandler):
    server: Service

    def log_message(self, *_: Any) -> None:
        """Silence."""

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        number = self.path.rpartition("/")[2]
        self.server.asked.append(("PUT", self.path, self.headers["Authorization"]))
        mood = self.server.moods.pop(0) if self.server.moods else "fine"
        if mood == "broken":
            return self._answer(500, {"error": "later"})
        if mood == "away":
            return self._answer(401, {})
        if mood == "no":
            return self._answer(422, {"reason": "Plus fabriqué"})
        self.server.shipped.setdefault(number, body)
        self._afterwards(mood, number)

    def do_GET(self) -> None:
        number = self.path.rpartition("/")[2]
        self.server.asked.append(("GET", self.path, self.headers["Authorization"]))
        mood = self.server.moods.pop(0) if self.server.moods else "fine"
        if number not in self.server.shipped:
            return self._answer(404, {})
        self._afterwards(mood, number)

    def _afterwards(self, mood: str, number: str) -> None:
        if mood == "lost":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if mood == "slow":
            self.server.release.wait(20)
        if mood == "noise":
            self._raw(b"<html>welcome</html>")
        elif mood == "cut":
            self._raw(b'{"state": "accep', length=400)
        elif mood == "endless":
            self._raw(b" " * 100_000)
        else:
            self._answer(200, {"state": self.server.states.get(number, "accepted"), "tracking": f"Colis {number}"})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        self._raw(json.dumps(body).encode(), status=status)

    def _raw(self, content: bytes, *, status: int = 200, length: int | None = None) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(length or len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            pass  # the asker has hung up
        self.close_connection = True


@pytest.fixture
def service() -> Iterator[Service]:
    """A provider that answers."""
    server = Service()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
def app(app, service, monkeypatch):
    """The product with that provider, which it does not wait for longer than half a second."""
    app.config["SETTINGS"] = replace(
        app.config["SETTINGS"], provider_url=service.address, provider_token=TOKEN, provider_secret=SECRET
    )
    monkeypatch.setattr(
        jobs, "provider", lambda name, settings: HttpProvider(settings.provider_url, TOKEN, seconds=0.5)
    )
    return app


@pytest.fixture
def approved(cast) -> Order:
    """An order of Awa's that the provider is to be told."""
    reward = offer(stock=3, provider="http")
    credit(cast.awa, 250)
    made = order(cast.awa, reward)
    with transaction():
        orders.approve(made, by="MARC", at=NOW)
    return fresh(Order, made.id)


def state(made: Order) -> str:
    return fresh(Order, made.id).state


def test_an_approved_order_is_handed_over_once(app, approved, service):
    number = str(approved.id)
    assert list(tell_providers(NOW)) == [f"order {number}: accepted, known"]
    assert list(tell_providers(NOW + timedelta(days=1))) == []
    assert service.shipped == {
        number: {
            "order": number, "reward": "SAC", "name": "Awa Diallo", "address": ADDRESS, "country": "FR",
            "language": "fr",
        }
    }  # fmt: skip
    assert service.asked == [("PUT", f"/v2/orders/{number}", f"Bearer {TOKEN}")]
    assert state(approved) == "approved"


@pytest.mark.parametrize("mood", ["lost", "slow", "broken", "cut", "noise", "endless", "away"])
def test_an_answer_that_never_comes_is_asked_for_again_and_ships_once(app, approved, service, mood):
    service.moods = [mood, mood]
    assert "will be tried again" in next(iter(list(tell_providers(NOW))))
    assert list(tell_providers(NOW)) == []  # not yet
    assert "will be tried again" in next(iter(list(tell_providers(NOW + timedelta(minutes=1)))))
    assert list(tell_providers(NOW + timedelta(minutes=2))) == []  # twice as long
    service.release.set()
    assert list(tell_providers(NOW + timedelta(minutes=4))) == [f"order {approved.id}: accepted, known"]
    assert len(service.shipped) == 1
    assert balance_is_held(approved)


def balance_is_held(made: Order) -> bool:
    return (stock(), broken_wallets()) == (2, [])


def test_after_a_slow_provider_the_others_are_told_all_the_same(app, approved, cast, service):
    reward = offer("DEUX", provider="http")
    other = order(cast.awa, reward)
    with transaction():
        orders.approve(other, by="MARC", at=NOW)
    service.moods = ["slow"]
    lines = list(tell_providers(NOW))
    assert "will be tried again" in lines[0] and lines[1] == f"order {other.id}: accepted, known"


def test_a_provider_that_stays_silent_does_not_hold_up_the_schedule(app, cast, service):
    reward = offer("DEUX", provider="http")
    credit(cast.awa, 500)
    made = [order(cast.awa, reward, token=f"wish-{number}") for number in range(5)]
    with transaction():
        for one in made:
            orders.approve(db.session.get_one(Order, one.id), by="MARC", at=NOW)
    service.moods = ["broken"] * 3
    *tried, given_up = list(tell_providers(NOW))
    assert [line.split(":")[0] for line in tried] == [f"order {one.id}" for one in made[:3]]
    assert "wait for the next run" in given_up
    told = list(tell_providers(NOW + timedelta(minutes=1)))
    assert len(told) == 5 and set(service.shipped) == {str(one.id) for one in made}


def test_staff_are_alerted_once_when_a_provider_stays_away(app, approved, service, cast):
    service.moods = ["broken"] * 20
    at = NOW
    for _ in range(8):
        list(tell_providers(at))
        at += timedelta(hours=7)
    told = db.session.scalar(
        select(func.count()).select_from(Notice).where(Notice.person_id == cast.marc.id, Notice.kind == "order")
    )
    assert told == 1
    assert state(approved) == "approved"
    service.moods = []
    assert list(tell_providers(at)) == [f"order {approved.id}: accepted, known"]


def test_a_provider_without_an_address_is_not_told_and_nothing_is_lost(app, approved, monkeypatch, cast):
    monkeypatch.setattr(jobs, "provider", lambda name, settings: None)
    for _ in range(3):
        assert "PALMARES_PROVIDER_URL is missing" in next(iter(list(tell_providers(NOW))))
    assert state(approved) == "approved"
    told = select(func.count()).select_from(Notice).where(Notice.person_id == cast.marc.id, Notice.kind == "order")
    assert db.session.scalar(told) == 1


def test_what_was_told_nobody_for_want_of_an_address_staff_can_call_off(app, approved, monkeypatch, cast):
    monkeypatch.setattr(jobs, "provider", lambda name, settings: None)
    list(tell_providers(NOW))
    with transaction():
        orders.cancel(fresh(Order, approved.id), "Plus de prestataire", by="MARC", at=NOW)
    assert (stock(), balance(cast.awa)) == (3, 250)


def test_a_refusal_gives_stock_and_points_back(app, approved, service, cast):
    service.moods = ["no"]
    assert list(tell_providers(NOW)) == [f"order {approved.id}: refused, applied"]
    assert (state(approved), stock(), balance(cast.awa)) == ("cancelled", 3, 250)
    assert fresh(Order, approved.id).reason == "Plus fabriqué"


def test_what_the_provider_was_told_staff_do_not_call_off(app, approved, service):
    service.moods = ["lost"]
    list(tell_providers(NOW))
    with pytest.raises(NotOrdered, match="told"), transaction():
        orders.cancel(fresh(Order, approved.id), "Erreur", by="MARC", at=NOW)
    assert state(approved) == "approved"


def test_what_it_was_not_told_yet_staff_can_call_off(app, approved, cast, service):
    with transaction():
        orders.cancel(approved, "Erreur", by="MARC", at=NOW)
    assert list(tell_providers(NOW + timedelta(days=1))) == []
    assert (service.shipped, balance(cast.awa)) == ({}, 250)


def test_two_jobs_at_once_tell_it_once(app, approved, service):
    with transaction():
        assert fulfilment.claim(approved.id, at=NOW) is not None
    with transaction():
        assert fulfilment.claim(approved.id, at=NOW) is None


# --- its messages ----------------------------------------------------------------------------------------------------


@pytest.fixture
def told(app, approved, service, client):
    """told("sent"): the provider's message arrives; answers status and outcome."""
    list(tell_providers(NOW))

    def tell(
        said: str, *, event: str = "evt-1", secret: str = SECRET, at: datetime | None = None, **changes: Any
    ) -> tuple[int, str | None]:
        body = json.dumps({"type": "order.updated", "data": {"order": str(approved.id), "state": said} | changes})
        at = at or datetime.now(UTC)
        headers = {
            "webhook-id": event,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(event, at, body),
            "Content-Type": "application/json",
        }
        answer = client.post("/api/v1/provider-webhook", data=body, headers=headers)
        return answer.status_code, (answer.json or {}).get("outcome")

    return tell


def test_a_signed_message_moves_the_order(told, approved):
    assert told("sent", tracking="Colis 77") == (200, "applied")
    assert (state(approved), fresh(Order, approved.id).tracking) == ("sent", "Colis 77")
    assert told("delivered", event="evt-2") == (200, "applied")
    assert (state(approved), fresh(Order, approved.id).address) == ("delivered", None)


def test_the_same_message_twice_counts_once(told, approved):
    assert told("sent") == (200, "applied")
    assert told("sent") == (200, "replay")
    assert told("sent", event="evt-2") == (200, "known")
    assert [change.state for change in changes_of(approved)] == ["ordered", "approved", "sent"]
    assert db.session.scalar(select(func.count()).select_from(ProviderEvent)) == 2


def test_messages_in_the_wrong_order_end_in_the_last_state(told, approved):
    assert told("delivered", event="evt-2") == (200, "applied")
    assert told("sent", event="evt-1") == (200, "known")
    assert told("accepted", event="evt-0") == (200, "known")
    assert [change.state for change in changes_of(approved)] == ["ordered", "approved", "sent", "delivered"]


def test_a_refusal_after_sending_changes_nothing_and_alerts_staff(told, approved, cast):
    told("sent")
    assert told("refused", event="evt-2", reason="perdu") == (200, "refused")
    assert (state(approved), balance(cast.awa)) == ("sent", 150)
    alerts = select(Notice.person_id).where(Notice.title == "Le prestataire bloque")
    assert set(db.session.scalars(alerts)) == {cast.marc.id, cast.ada.id}


def test_a_refusal_gives_everything_back_once(told, approved, cast):
    assert told("refused", reason="Plus fabriqué") == (200, "applied")
    assert told("refused", event="evt-2") == (200, "refused")
    assert told("sent", event="evt-3") == (200, "known")
    assert told("delivered", event="evt-4") == (200, "known")
    assert (state(approved), stock(), balance(cast.awa)) == ("cancelled", 3, 250)


def test_forged_old_and_unsigned_messages_are_refused(told, approved, client):
    other = "whsec_" + "YW5vdGhlci1zZWNyZXQtb2Ytc29tZWJvZHktZWxzZQ=="
    assert told("sent", secret=other) == (401, None)
    assert told("sent", at=datetime.now(UTC) - timedelta(minutes=6)) == (401, None)
    assert told("sent", at=datetime.now(UTC) + timedelta(minutes=6)) == (401, None)
    for headers in (
        {},
        {"webhook-id": "e", "webhook-timestamp": "now", "webhook-signature": "v1,x"},
        {"webhook-id": "e", "webhook-timestamp": str(int(time.time())), "webhook-signature": "no comma"},
        {"webhook-id": "e", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1,é"},
    ):
        answer = client.post("/api/v1/provider-webhook", data=b"\xff{}", headers=headers)
        assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert state(approved) == "approved"
    assert told("sent") == (200, "applied")


def test_signed_messages_that_say_nothing_are_refused(told, approved):
    assert told("vanished")[0] == 422
    assert told("sent", order="nix")[0] == 422
    assert told("sent", order="999")[0] == 422
    assert told("sent", order="9" * 15)[0] == 422


def test_an_order_that_no_provider_was_given_is_not_moved_by_one(told, cast):
    mine = order(cast.awa, offer("MAIN"))
    assert told("delivered", order=str(mine.id))[0] == 422
    assert state(mine) == "ordered"


# --- reconciliation --------------------------------------------------------------------------------------------------


def test_a_provider_silent_for_a_day_is_asked(app, approved, service):
    list(tell_providers(NOW))
    service.states[str(approved.id)] = "sent"
    assert list(ask_providers(NOW + timedelta(hours=23))) == []
    assert list(ask_providers(NOW + timedelta(hours=25))) == [f"order {approved.id}: sent, applied"]
    assert (state(approved), fresh(Order, approved.id).tracking) == ("sent", f"Colis {approved.id}")
    service.states[str(approved.id)] = "delivered"
    assert list(ask_providers(NOW + timedelta(hours=50))) == [f"order {approved.id}: delivered, applied"]
    assert list(ask_providers(NOW + timedelta(days=30))) == []


def test_what_the_provider_does_not_know_is_told_anew(app, approved, service):
    list(tell_providers(NOW))
    service.shipped.clear()
    at = NOW + timedelta(hours=25)
    assert list(ask_providers(at)) == [f"order {approved.id}: unknown, applied"]
    assert list(tell_providers(at)) == [f"order {approved.id}: accepted, known"]
    assert len(service.shipped) == 1


def test_no_answer_to_the_question_is_asked_again_later(app, approved, service):
    list(tell_providers(NOW))
    service.moods = ["lost"]
    assert "will be asked again" in next(iter(list(ask_providers(NOW + timedelta(hours=25)))))
    assert list(ask_providers(NOW + timedelta(hours=50))) == [f"order {approved.id}: accepted, known"]


# --- the port --------------------------------------------------------------------------------------------------------

PARCEL = Parcel("1", "SAC", "Awa", ADDRESS, "FR", "fr")


@pytest.mark.any_engine
def test_the_manual_provider_leaves_it_to_staff():
    assert ManualProvider().send(PARCEL) == ManualProvider().ask("1") == Word("accepted")


@pytest.mark.any_engine
def test_nobody_there_is_said_so():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(Unreachable):
        HttpProvider(f"http://127.0.0.1:{port}", TOKEN, seconds=0.5).send(PARCEL)
