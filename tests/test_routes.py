"""All routes × all roles: each route names its permission, and what is not yours is 404."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule

from network.permissions import PERMISSIONS

# somebody of the cast for each role; a VDI is a reseller too
SOMEBODY = {
    "reseller": ("awa", "nina"),
    "animator": ("marc",),
    "brand": ("ines",),
    "admin": ("ada",),
}
VALUES = {"int": "1", "float": "1.0", "uuid": "00000000-0000-0000-0000-000000000000"}
ARGUMENT = re.compile(r"<(?:(?P<kind>\w+)(?:\((?P<choices>[^)]*)\))?:)?\w+>")


@pytest.fixture(autouse=True)
def errors_are_answers(app):
    """A page that breaks is one line of the list, not the end of the walk."""
    app.config["PROPAGATE_EXCEPTIONS"] = False


def routes(app: Flask) -> Iterator[tuple[Rule, str, str]]:
    """Every route as (rule, method, permission); those of static files need none."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static" or rule.endpoint.endswith(".static"):
            continue
        permission = getattr(app.view_functions[rule.endpoint], "permission", None)
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            yield rule, method, permission


def address(rule: Rule) -> str:
    """An address of the rule; whatever it names does not exist."""

    def value(argument: re.Match[str]) -> str:
        if argument["kind"] == "any":
            return argument["choices"].split(",")[0].strip(" \"'")
        return VALUES.get(argument["kind"], "nothing-of-the-sort")

    return ARGUMENT.sub(value, rule.rule)


def test_every_route_names_its_permission(app):
    unnamed = [f"{rule} ({rule.endpoint})" for rule, _, permission in routes(app) if permission not in PERMISSIONS]
    assert unnamed == []


def test_nobody_who_has_not_signed_in_gets_further_than_the_public_pages(app, cast, client):
    let_in = []
    for rule, method, permission in routes(app):
        answer = client.open(address(rule), method=method)
        if permission == "public":
            right = answer.status_code < 500
        elif permission == "machine":
            right = answer.status_code == 401 and answer.mimetype == "application/problem+json"
        else:
            right = answer.status_code == 302 and answer.location.startswith("/sign-in")
        if not right:
            let_in.append(f"{method} {rule}: {answer.status}")
    assert let_in == []


@pytest.mark.parametrize(("role", "name"), [(role, name) for role, names in SOMEBODY.items() for name in names])
def test_what_is_not_theirs_does_not_exist_for_them(app, cast, client, role, name):
    client.sign_in(getattr(cast, name))
    let_in = []
    for rule, method, permission in routes(app):
        if permission == "machine" or role in PERMISSIONS[permission]:
            continue
        answer = client.open(address(rule), method=method)
        if answer.status_code != 404:
            let_in.append(f"{method} {rule}: {answer.status}")
    assert let_in == []


@pytest.mark.parametrize(("role", "name"), [(role, name) for role, names in SOMEBODY.items() for name in names])
def test_what_is_theirs_opens(app, cast, client, role, name):
    broken = []
    for rule, method, permission in routes(app):
        if method != "GET" or permission == "machine" or role not in PERMISSIONS[permission]:
            continue
        client.sign_in(getattr(cast, name))
        answer = client.get(address(rule))
        if answer.status_code >= 500 or (answer.status_code == 404 and "<" not in rule.rule):
            broken.append(f"{rule}: {answer.status}")
    assert broken == []


def test_a_machine_without_a_token_is_told_so(app, client):
    wrong = []
    for rule, method, permission in routes(app):
        if permission != "machine":
            continue
        for headers in ({}, {"Authorization": "Bearer of-nothing"}, {"Authorization": "Basic YTpi"}):
            answer = client.open(address(rule), method=method, headers=headers)
            if answer.status_code != 401 or answer.mimetype != "application/problem+json":
                wrong.append(f"{method} {rule} {headers}: {answer.status}")
    assert wrong == []
