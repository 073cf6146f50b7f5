"""The first visit is light: what a phone fetches to show a page of a reseller, fonts and pictures included."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Demonstration

MOST_BYTES = 120_000  # of content as it travels; without the headers, which HTTP/2 packs

MOST_OF_SCRIPTS = 45_000


@pytest.mark.parametrize(
    ("path", "shown"),
    [("/", ".hero-board"), ("/declare", "form"), ("/declare/meeting", "form"), ("/ranking", "#ranking")],
)
def test_the_first_load_is_light(demonstration: Demonstration, path: str, shown: str):
    signed_in = demonstration.enter("Camille Morvan").context.cookies()
    context = demonstration.new_context()  # nothing in its cache yet
    context.add_cookies(signed_in)  # type: ignore[arg-type]
    page = context.new_page()
    wire = context.new_cdp_session(page)
    asked: dict[str, str] = {}
    weights: dict[str, int] = {}
    encodings: dict[str, str] = {}
    wire.on("Network.requestWillBeSent", lambda event: asked.update({event["requestId"]: event["request"]["url"]}))
    wire.on(
        "Network.responseReceived",
        lambda event: encodings.update({event["requestId"]: event["response"]["headers"].get("Content-Encoding", "")}),
    )
    wire.on(
        "Network.dataReceived",
        lambda event: weights.update(
            {event["requestId"]: weights.get(event["requestId"], 0) + int(event["encodedDataLength"])}
        ),
    )
    wire.send("Network.enable")
    answer = page.goto(path)
    assert answer is not None
    page.wait_for_load_state("networkidle")
    expect(page.locator(f"main {shown}").first).to_be_visible()
    told = {asked[one].split("?")[0].removeprefix("http://"): weight for one, weight in weights.items()}
    assert len(told) >= 5
    scripts = sum(weight for address, weight in told.items() if address.endswith(".js"))
    assert 0 < scripts <= MOST_OF_SCRIPTS, told
    # The page itself is sent as it is, and the browser does not count it there.
    assert len(answer.body()) + sum(weights.values()) <= MOST_BYTES, (len(answer.body()), told)

    for one, address in asked.items():
        packed = encodings.get(one, "")
        if one in weights and "/static/" in address and address.split("?")[0].endswith((".css", ".js", ".svg")):
            assert packed == "br" or weights[one] < 1_000, f"{address} is not compressed"
        elif "/static/" not in address:
            assert packed == "", f"{address} holds secrets, its length must not depend on them"
