"""Voucher codes: kept encrypted, one to one order, read by its owner alone."""

from __future__ import annotations

import base64
import os

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, text

from foundation.database import db
from foundation.models import AuditEntry
from foundation.settings import WrongSetting, read_settings
from foundation.transactions import transaction
from network.models import Notice
from rewards import codes, orders
from rewards.imports import import_rewards
from rewards.jobs import give_codes
from rewards.models import Order, VoucherCode
from rewards.rules import NotOrdered
from tests.rewards.shop import NOW, balance, credit, fresh, offer, order, stock


@pytest.fixture
def voucher(app):
    """A voucher whose file says any number can be ordered."""
    return offer("BON", name="Bon de 10 €", kind="voucher", stock=None)


@pytest.fixture
def pool(tmp_path, runner):
    """pool("A", "B"): imports these codes for the voucher; answers what the command said."""

    def bring(*lines: str, exits: int = 0, reward: str = "BON", header: str = "code"):
        file = tmp_path / "codes.csv"
        file.write_text("\n".join((header, *lines)) + "\n")
        return runner.run("rewards", "import-codes", reward, file, exits=exits)

    return bring


def approved(person, reward) -> Order:
    made = order(person, reward, address="")
    with transaction():
        orders.approve(made, by="MARC", at=NOW)
    return fresh(Order, made.id)


def test_codes_come_in_from_a_file_and_are_the_stock(cast, voucher, pool):
    assert pool("AAA-111", "BBB-222", "CCC-333").stdout == "BON: added 3 codes\n"
    assert stock("BON") == 3
    assert pool("DDD-444").stdout == "BON: added 1 codes\n"
    assert stock("BON") == 4


def test_no_code_can_be_read_in_the_database_nor_guessed_from_its_hash(cast, voucher, pool):
    pool("AAA-111")
    kept = str(db.session.execute(select(VoucherCode.__table__)).all())
    assert "AAA-111" not in kept
    assert codes.code_hash("AAA-111", base64.urlsafe_b64encode(b"x" * 32).decode()) not in kept
    assert codes.opened(db.session.scalar(select(VoucherCode.sealed))) == "AAA-111"


def test_a_file_with_a_code_known_already_is_refused_by_line_and_nothing_is_kept(cast, voucher, pool):
    pool("AAA-111")
    told = pool("BBB-222", "AAA-111", "BBB-222", "", "X" * 201, exits=1)
    assert [line.rpartition("/")[2] for line in told.stderr.splitlines()] == [
        "codes.csv:3: code: already in the pool; leave this line out",
        "codes.csv:4: code: the same as on line 2; write each code once",
        "codes.csv:6: code: not a code; write one code of at most 200 plain characters per line",
    ]
    assert "AAA-111" not in told.output
    assert stock("BON") == 1


def test_only_a_voucher_has_codes_and_a_file_has_some(cast, voucher, pool):
    offer("SAC")
    assert "'SAC' is not a voucher of the catalogue" in pool("A", reward="SAC", exits=1).stderr
    assert "'NIX' is not a voucher of the catalogue" in pool("A", reward="NIX", exits=1).stderr
    assert "no code" in pool(exits=1).stderr
    assert "codes: unknown column; write code" in pool("A", header="codes", exits=1).stderr


def test_without_a_key_no_code_is_taken(cast, voucher, pool, app):
    app.config["SETTINGS"] = read_settings({"SECRET_KEY": "x" * 16}, root=app.config["SETTINGS"].instance_folder)
    assert "PALMARES_CODES_KEY: missing" in pool("A", exits=1).stderr


def test_one_code_goes_to_one_order_as_it_is_approved(cast, voucher, pool):
    pool("AAA-111", "BBB-222")
    credit(cast.awa, 250)
    credit(cast.bruno, 250)
    first, second = approved(cast.awa, voucher), approved(cast.bruno, voucher)
    assert (first.state, second.state) == ("sent", "sent")
    with transaction():
        assert orders.reveal(first, cast.awa, at=NOW) == "AAA-111"
        assert orders.reveal(second, cast.bruno, at=NOW) == "BBB-222"
    assert stock("BON") == 0


def test_a_code_is_read_by_its_owner_alone_and_each_reading_is_noted(cast, voucher, pool):
    pool("AAA-111")
    credit(cast.awa, 250)
    made = approved(cast.awa, voucher)
    with pytest.raises(NotOrdered, match="no_code"), transaction():
        orders.reveal(made, cast.bruno, at=NOW)
    for _ in range(2):
        with transaction():
            assert orders.reveal(fresh(Order, made.id), cast.awa, at=NOW) == "AAA-111"
    assert fresh(Order, made.id).state == "delivered"
    acts = db.session.execute(select(AuditEntry.by).where(AuditEntry.act == "order.code_revealed")).all()
    assert [tuple(row) for row in acts] == [("AWA",), ("AWA",)]
    trail = db.session.execute(select(AuditEntry.subject, AuditEntry.details)).all()
    assert "AAA-111" not in str(trail)


def test_a_pool_that_runs_dry_keeps_the_order_waiting_and_alerts_staff(cast, voucher, pool):
    credit(cast.awa, 250)
    credit(cast.bruno, 250)
    early = [order(cast.awa, voucher, address=""), order(cast.bruno, voucher, address="")]
    pool("AAA-111")
    assert stock("BON") == 0  # one code, two orders that wait for it
    for made in early:
        with transaction():
            orders.approve(made, by="MARC", at=NOW)
    assert [fresh(Order, made.id).state for made in early] == ["sent", "approved"]
    alerts = select(Notice.person_id, Notice.title).where(Notice.title.startswith("Plus de code"))
    assert {tuple(row) for row in db.session.execute(alerts)} == {
        (person.id, "Plus de code pour Bon de 10 €") for person in (cast.marc, cast.ada)
    }
    assert balance(cast.bruno) == 150  # held, not lost
    assert list(give_codes(NOW)) == []
    pool("BBB-222", "CCC-333")
    assert stock("BON") == 1
    assert list(give_codes(NOW)) == [f"order {early[1].id}: code given"]
    assert (fresh(Order, early[1].id).state, stock("BON")) == ("sent", 1)


def test_a_voucher_that_never_had_a_code_waits_and_does_not_leave_without_one(cast, voucher, pool):
    credit(cast.awa, 250)
    made = approved(cast.awa, voucher)
    assert made.state == "approved"
    with pytest.raises(NotOrdered, match="no_code"), transaction():
        orders.send(made, "A7X", by="MARC", at=NOW)
    told = select(Notice.title).where(Notice.person_id == cast.marc.id)
    assert list(db.session.scalars(told)) == ["Plus de code pour Bon de 10 €"]
    pool("AAA-111")
    assert list(give_codes(NOW)) == [f"order {made.id}: code given"]


def test_a_cancelled_order_leaves_its_code_to_the_next(cast, voucher, pool):
    pool("AAA-111")
    credit(cast.awa, 250)
    made = order(cast.awa, voucher, address="")
    assert stock("BON") == 0
    with transaction():
        orders.cancel(made, "Erreur", by="AWA", at=NOW)
    assert (stock("BON"), balance(cast.awa)) == (1, 250)
    assert approved(cast.awa, voucher).state == "sent"


def test_a_catalogue_file_does_not_change_how_many_codes_there_are(cast, voucher, pool, tmp_path):
    pool("AAA-111")
    file = tmp_path / "rewards.csv"
    file.write_text(
        "reward,name,kind,cost,price_points,stock,limit_per_person,countries,starts_on,ends_on\n"
        "BON,Bon,voucher,10,100,500,,,,\nSAC,Sac,gift,10,100,500,,,,\n"
    )
    with transaction():
        import_rewards(file, by="MARC", at=NOW)
    assert (stock("BON"), stock("SAC")) == (1, 500)


def test_keys_are_changed_without_losing_a_code(cast, voucher, pool, app, runner):
    pool("AAA-111")
    settings = app.config["SETTINGS"]
    old, new = settings.codes_keys[0], Fernet.generate_key().decode()

    def with_keys(*keys: str) -> None:
        values = {field: getattr(settings, field) for field in settings.__dataclass_fields__}
        app.config["SETTINGS"] = type(settings)(**(values | {"codes_keys": keys}))

    with_keys(new)
    with pytest.raises(ValueError, match="no key of PALMARES_CODES_KEY opens"):
        codes.opened(db.session.scalar(select(VoucherCode.sealed)))
    with_keys(new, old)
    assert "already in the pool" in pool("AAA-111", exits=1).stderr
    assert runner.run("rewards", "reseal-codes").stdout == "resealed 1 codes\n"
    with_keys(new)
    assert codes.opened(db.session.scalar(select(VoucherCode.sealed))) == "AAA-111"
    assert "already in the pool" in pool("AAA-111", exits=1).stderr


@pytest.mark.any_engine
def test_the_key_comes_from_the_environment_and_a_wrong_one_refuses_to_start(tmp_path):
    base = {"SECRET_KEY": "x" * 16}
    good = base64.urlsafe_b64encode(os.urandom(32)).decode()
    assert read_settings(base, root=tmp_path).codes_keys == ()
    assert read_settings(base | {"PALMARES_CODES_KEY": good}, root=tmp_path).codes_keys == (good,)
    both = read_settings(base | {"PALMARES_CODES_KEY": f"{good}, {good}"}, root=tmp_path)
    assert both.codes_keys == (good, good)
    demonstration = read_settings(base | {"PALMARES_DEMONSTRATION": "1"}, root=tmp_path)
    Fernet(demonstration.codes_keys[0])
    for wrong in ("short", "é" * 44, f"{good},", base64.urlsafe_b64encode(b"x" * 31).decode()):
        with pytest.raises(WrongSetting, match="PALMARES_CODES_KEY"):
            read_settings(base | {"PALMARES_CODES_KEY": wrong}, root=tmp_path)


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"PALMARES_PROVIDER_URL": "ftp://x"}, "PALMARES_PROVIDER_URL"),
        ({"PALMARES_PROVIDER_URL": "https://x.example"}, "PALMARES_PROVIDER_TOKEN"),
        (
            {"PALMARES_PROVIDER_URL": "https://x.example", "PALMARES_PROVIDER_TOKEN": "t" * 16},
            "PALMARES_PROVIDER_SECRET",
        ),
        ({"PALMARES_PROVIDER_SECRET": "whsec_c2hvcnQ="}, "PALMARES_PROVIDER_SECRET"),
    ],
)
def test_half_a_provider_refuses_to_start(tmp_path, values, named):
    with pytest.raises(WrongSetting, match=named):
        read_settings({"SECRET_KEY": "x" * 16} | values, root=tmp_path)


def test_two_orders_never_share_a_code(cast, voucher, pool):
    pool("AAA-111")
    credit(cast.awa, 250)
    made = approved(cast.awa, voucher)
    other = order(cast.awa, offer("BON2", kind="voucher"), address="")
    with pytest.raises(Exception, match=r"(?i)unique"), transaction():
        db.session.execute(
            text("INSERT INTO voucher_codes (reward_id, code_hash, sealed, order_id, imported_at) "
                 "SELECT reward_id, 'x', sealed, order_id, imported_at FROM voucher_codes")
        )  # fmt: skip
    assert made.id != other.id
