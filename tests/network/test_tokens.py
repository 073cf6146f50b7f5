"""A personal token stands for one person; it is shown once and kept as a hash."""

from __future__ import annotations

import pytest
from flask import Request
from sqlalchemy import select, update
from werkzeug.test import EnvironBuilder

from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from network import operations
from network.models import ApiToken
from network.rules import Refused
from network.tokens import bearer_person


def calling(header: str | None) -> Request:
    return Request(EnvironBuilder(headers={"Authorization": header} if header else {}).get_environ())


@pytest.fixture
def token(cast) -> str:
    with transaction():
        return operations.create_token(cast.awa, by="system", at=clock.now())


def test_the_command_prints_a_token_that_stands_for_the_person(runner, cast):
    printed = runner.run("network", "token", "AWA").stdout.strip()
    assert printed.startswith("pal_")
    assert bearer_person(calling(f"Bearer {printed}")).code == "AWA"


def test_the_command_knows_only_people_of_the_network(runner, cast):
    assert "'NOBODY' is not a person" in runner.run("network", "token", "NOBODY", exits=1).stderr


def test_only_the_hash_of_a_token_is_kept(token):
    kept = db.session.scalar(select(ApiToken.token_hash))
    assert len(kept) == 64 and token not in kept


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer pal_wrong", "Basic {token}", "{token}"])
def test_without_the_right_token_one_is_nobody(token, header):
    assert bearer_person(calling(header and header.format(token=token))) is None


def test_each_token_of_a_person_works(cast, token):
    with transaction():
        second = operations.create_token(cast.awa, by="system", at=clock.now())
    assert second != token
    assert bearer_person(calling(f"Bearer {token}")).code == bearer_person(calling(f"bearer {second}")).code == "AWA"


def test_a_revoked_token_is_worth_nothing(token):
    with transaction():
        db.session.execute(update(ApiToken).values(revoked_at=clock.now()))
    assert bearer_person(calling(f"Bearer {token}")) is None


def test_a_suspended_person_has_no_token(cast, token):
    with transaction():
        operations.suspend(cast.awa, by="MARC", at=clock.now())
    assert bearer_person(calling(f"Bearer {token}")) is None
    with pytest.raises(Refused), transaction():
        operations.create_token(cast.awa, by="system", at=clock.now())
