"""At 200 % zoom nothing is lost: no sideways scroll, no word cut off or written over another, and what has the focus
is in sight, not under the bars that stay.

A phone of 390 × 844 zoomed twice lays the page out on 195 × 422 pixels, a desk of 1440 × 900 on 720 × 450, and one of
1280 zoomed four times on 320 (WCAG 2.2, 1.4.4, 1.4.10 and 2.4.11).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Playwright

from tests.browser.conftest import ARGUMENTS, PHONE, Demonstration, browsers, program
from tests.browser.test_every_page import SOMEBODY, pages

WHOLE = "() => !document.querySelector('.htmx-request, [hx-trigger=load]')"  # its parts have come
ZOOMED_PHONE = {"width": 195, "height": 422}
NARROWEST_PHONE = {"width": 320, "height": 568}
ZOOMED_DESK = {"width": 720, "height": 450}

# What cannot be read or reached, in words. Places that scroll by themselves may hold what is wider than the page.
LOST = """() => {
    const faults = [];
    const wide = document.documentElement.clientWidth;
    const about = (one) => `${one.localName}${one.id ? "#" + one.id : ""}.${[...one.classList].join(".")}`;
    const say = (what, one, text) => faults.push(`${what}: “${text.trim().slice(0, 40)}” in ${about(one)}`);
    if (document.scrollingElement.scrollWidth > window.innerWidth)
        faults.push(`scrolls sideways by ${document.scrollingElement.scrollWidth - window.innerWidth} px`);

    // What is folded is read too.
    for (const fold of document.querySelectorAll("main details")) fold.open = true;

    const preview = "a .truncate"; // the beginning of what the link leads to

    // Whether a box stays within the page, and within whatever would hide a part of it.
    const framed = ".btn, .chip, .pill, .tile, .card, .stat, .segmented > *, .tabs > *, .bottom-bar > a, td, th";
    const hold = (one, box, text) => {
        let across = true;
        for (let up = one; up && up !== document.body; up = up.parentElement) {
            const style = getComputedStyle(up);
            const around = up.getBoundingClientRect();
            const out = box.right > around.right + 1 || box.left < around.left - 1;
            if (["auto", "scroll"].includes(style.overflowX)) across = false;
            if (across && out && ["hidden", "clip"].includes(style.overflowX)) return say("cut off", one, text);
            if (["hidden", "clip"].includes(style.overflowY) && box.bottom > around.bottom + box.height / 3)
                return say("cut off below", one, text);
            if (across && out && up.matches(framed)) return say("runs out of its frame", one, text);
        }
        if (across && (box.right > wide + 1 || box.left < -1)) say("runs out of the page", one, text);
    };

    // Every line of text that is there to be seen.
    const lines = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const shown = new Map();
    const visible = (one) => {
        if (!shown.has(one)) {
            const box = one.getBoundingClientRect();
            shown.set(one, one.checkVisibility({ opacityProperty: true, visibilityProperty: true })
                && !one.closest("svg, option, script, template, .skip-link")
                && !(box.width <= 1 && box.height <= 1)
                && (!one.parentElement || one.parentElement === document.body || visible(one.parentElement)));
        }
        return shown.get(one);
    };
    const range = document.createRange();
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
        const one = text.parentElement;
        if (!text.data.trim() || !visible(one) || one.matches(preview)) continue;
        range.selectNodeContents(text);
        const stays = (() => {
            for (let up = one; up; up = up.parentElement)
                if (["fixed", "sticky"].includes(getComputedStyle(up).position)) return true;
            return false;
        })();
        for (const box of range.getClientRects()) {
            if (!box.width) continue;
            lines.push({ one, text: text.data, box, stays });
            hold(one, box, text.data);
        }
    }

    // One written over the other: by more than a quarter of the height.
    const moving = lines.filter((line) => !line.stays);
    for (const [place, first] of moving.entries())
        for (const second of moving.slice(place + 1)) {
            if (first.one === second.one) continue;
            const across = Math.min(first.box.right, second.box.right) - Math.max(first.box.left, second.box.left);
            const down = Math.min(first.box.bottom, second.box.bottom) - Math.max(first.box.top, second.box.top);
            if (across > 2 && down > Math.min(first.box.height, second.box.height) / 3)
                say("written over “" + first.text.trim().slice(0, 20) + "”", second.one, second.text);
        }

    // What takes the focus comes into sight. In a long text its cursor does.
    const ask = "a[href], button, input, select, textarea, summary, [tabindex='0']";
    for (const one of document.querySelectorAll(ask)) {
        if (one.disabled || one.matches(".skip-link") || one.tabIndex < 0 || one.type === "hidden") continue;
        if (!one.checkVisibility({ visibilityProperty: true })) continue;
        one.focus();
        if (document.activeElement !== one) continue;
        const label = one.closest(".tile, .chip, .star, .scale-step, .check") || one;
        const box = label.getClientRects()[0];
        if (!box || box.width <= 1) continue;
        hold(label, box, one.ariaLabel || one.name || one.innerText);
        let seen = 0;
        for (const down of [0.2, 0.5, 0.8])
            for (const across of [0.2, 0.5, 0.8]) {
                const hit = document.elementFromPoint(box.left + box.width * across, box.top + box.height * down);
                if (hit && (label.contains(hit) || hit.contains(label))) seen += 1;
            }
        if (seen < 6 && one.localName !== "textarea")
            say(`covered (${seen} of 9)`, one, one.innerText || one.ariaLabel || one.name || "");
    }
    return [...new Set(faults)];
}"""


def lost(page: Page, address: str, *sizes: dict[str, int]) -> Iterator[str]:
    """Open a page and say what is lost in each size."""
    page.goto(address)
    page.wait_for_function(WHOLE)
    for size in sizes:
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        for fault in page.evaluate(LOST):
            yield f"{address} ({size['width']} px): {fault}"


@pytest.mark.parametrize("role", ["reseller", "animator"])
def test_every_page_can_be_read_at_twice_its_size(demonstration: Demonstration, role: str):
    page = demonstration.enter(SOMEBODY[role])
    sizes = [ZOOMED_DESK, NARROWEST_PHONE, ZOOMED_PHONE] if role == "reseller" else [ZOOMED_DESK]
    addresses = [address for some in pages(demonstration.app, role).values() for address in some]
    assert [fault for address in addresses for fault in lost(page, address, *sizes)] == []


@pytest.fixture
def large_letters(driver: Playwright) -> Iterator[Browser]:
    """A browser whose owner has asked for letters twice as large: 32 pixels where others have 16."""
    arguments = [*ARGUMENTS, "--blink-settings=defaultFontSize=32"]
    browser = driver.chromium.launch(executable_path=program(), args=arguments)
    yield browser
    browser.close()


def test_letters_twice_as_large_lose_nothing(
    demonstration: Demonstration, demonstration_served: tuple[Flask, str], large_letters: Browser
):
    cookies = demonstration.enter(SOMEBODY["reseller"]).context.cookies()
    addresses = pages(demonstration.app, "reseller")
    with browsers(large_letters, demonstration_served[1]) as make:
        context = make()
        context.add_cookies(cookies)  # type: ignore[arg-type]
        page = context.new_page()
        wrong = []
        for endpoint in ("portal.home", "declarations.declare", "declarations.answer", "leaderboards.current"):
            for address in addresses[endpoint]:
                wrong += lost(page, address, PHONE)
        wrong += lost(page, addresses["declarations.declarations"][0], PHONE)
        assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"
    assert wrong == []


@pytest.mark.parametrize("size", [ZOOMED_PHONE, ZOOMED_DESK], ids=["phone", "desk"])
def test_the_menu_is_within_reach(demonstration: Demonstration, size: dict[str, int]):
    page = demonstration.enter(SOMEBODY["reseller"], viewport=size)
    page.locator(".user-menu summary").click()
    page.evaluate("() => document.querySelectorAll('main, .bottom-bar').forEach((under) => under.remove())")
    assert page.evaluate(LOST) == []
    last = page.get_by_role("button", name="Se déconnecter partout")
    last.scroll_into_view_if_needed()
    last.click(trial=True)


# The links and buttons that a thumb misses: less than 44 px high or wide. A word in a sentence is as high as its line.
TOO_SMALL = """() => [...document.querySelectorAll("main a, main button, header a, header summary, nav a")]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest(".sr-only, .skip-link"))
    .filter((one) => getComputedStyle(one).display !== "inline" || !one.parentElement.matches("p, li"))
    .map((one) => [one, one.getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.height < 43.5 || box.width < 43.5))
    .map(([one, { width, height }]) => `${one.textContent.trim()}: ${Math.round(width)} × ${Math.round(height)}`)"""


def too_small(page: Page) -> list[str]:
    """What a thumb misses on the page that is open, once its parts have come."""
    page.wait_for_function(WHOLE)
    return page.evaluate(TOO_SMALL)


def test_what_a_seller_presses_is_as_large_as_a_thumb(demonstration: Demonstration) -> None:
    page = demonstration.enter("Nadia Benali")
    small = {}
    for path in ("/", "/declare", "/declare/meeting", "/declarations", "/ranking"):
        page.goto(path)
        small[page.url] = too_small(page)
    page.goto("/declarations")
    page.locator("main a.row", has_text="+").first.click()
    page.wait_for_url("**/declarations/*")
    page.goto(page.url + "?new=1")
    small[page.url] = page.evaluate(TOO_SMALL) + too_small(page)  # before its parts have come, and after
    small["nothing told yet"] = too_small(demonstration.enter("Béatrice Lacoste"))
    assert {path: found for path, found in small.items() if found} == {}
