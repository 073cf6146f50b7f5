"""Addresses, safe ways on, and circles of sponsors."""

from __future__ import annotations

import pytest

from network.forms import safe_next
from network.rules import is_email, is_plain, normal_email, normal_nickname, sponsorship_circles

pytestmark = pytest.mark.any_engine


@pytest.mark.parametrize("text", ["a@b.fr", "zoé.martin+x@exämple.co.uk", "o'neil@a-b.fr"])
def test_addresses_one_can_write_to(text):
    assert is_email(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a@b",
        "@b.fr",
        "a@.fr",
        "a@b..fr",
        "a b@c.fr",
        "a@b.fr,c@d.fr",
        "<a@b.fr>",
        "a@b.fr\n",
        "a" * 250 + "@b.fr",
    ],
)
def test_what_is_no_address(text):
    assert not is_email(text)


def test_addresses_are_compared_in_lower_case():
    assert normal_email("  Zoe@Example.ORG ") == "zoe@example.org"


def test_a_nickname_has_single_spaces():
    assert normal_nickname(" La   Comète\t") == "La Comète"
    assert not is_plain("a\u2028b")


@pytest.mark.parametrize("address", ["/", "/me", "/challenges/x?tab=1#top", "/é"])
def test_ways_on_that_stay_here(address):
    assert safe_next(address) == address


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "me",
        "//x.fr",
        "/\\x.fr",
        "http://x.fr",
        "/a\nb",
        "/sign-out",
        "/sign-in",
        "/language",
        "/" + "a" * 1001,
    ],
)
def test_ways_on_that_lead_away(address):
    assert safe_next(address) is None


@pytest.mark.parametrize(
    ("sponsors", "circles"),
    [
        ({}, []),
        ({"a": "b", "b": "c", "c": "d"}, []),
        ({"a": "a"}, ["a"]),
        ({"a": "b", "b": "a", "c": "a"}, ["a", "b"]),
        ({"a": "b", "b": "c", "c": "a", "d": "d", "e": "f"}, ["a", "b", "c", "d"]),
    ],
)
def test_a_chain_of_sponsors_that_never_ends(sponsors, circles):
    assert sponsorship_circles(sponsors) == circles
