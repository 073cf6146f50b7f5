"""Lists by pages: their links keep the filters and take nothing in an address for an order."""

from __future__ import annotations

from flask import Flask

from foundation.pages import Paged


def test_a_link_to_another_page_keeps_the_filters(app: Flask) -> None:
    with app.test_request_context("/declarations?status=accepted&page=3&q=%26%3D"):
        assert Paged([], 3, 9, 99).url(4) == "/declarations?status=accepted&page=4&q=%26%3D"


def test_an_address_gives_no_orders_to_the_links_of_a_list(app: Flask) -> None:
    with app.test_request_context("/points?_scheme=javascript&_external=1&endpoint=x&_method=BREW&_anchor=y"):
        address = Paged([], 1, 2, 30).url(2)

    assert address.startswith("/points?") and address.endswith("page=2") and "#" not in address
