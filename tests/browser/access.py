"""What the accessibility checker (axe-core) finds on the page that is open, as everybody may meet it: on a phone and on
a desk, by day and by night."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

from tests.browser.conftest import PHONE

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
DESK = {"width": 1440, "height": 900}
# From one to the next either the size changes or the theme.
LOOKS = ((PHONE, "palmares"), (PHONE, "palmares-dark"), (DESK, "palmares-dark"), (DESK, "palmares"))
# The checker, and nothing that moves: a colour on its way from one theme to the other is neither.
BRING = f"""() => {{
    if ("axe" in window) return;
    {AXE};
    const still = new CSSStyleSheet();
    still.replaceSync("*, ::before, ::after {{ transition: none !important; animation: none !important; }}");
    document.adoptedStyleSheets.push(still);
}}"""
CHECK = """async ([theme, options]) => {
    document.documentElement.dataset.theme = theme;
    const { violations } = await axe.run(document, options);
    return violations.map(({ id, help, nodes }) => [id, help, nodes.slice(0, 5).map((node) => node.target.join(" "))]);
}"""


# Colours depend on the size and the theme, not on the language, and take four fifths of the time: a page that is looked
# at in both languages has the contrast of each look measured in one of them. `make nightly` measures all in both.
CONTRAST = {"fr": (0, 2), "en": (1, 3)}


def violations(page: Page, *, again_in_the_other_language: bool = False) -> Iterator[str]:
    """What breaks any of the checker's rules, in both sizes and both themes.

    Stylesheets are the same in all four: the rules that read them do so once.
    """
    page.evaluate(BRING)
    shared = again_in_the_other_language and "PALMARES_EVERY_LOOK" not in os.environ
    measured = CONTRAST[page.locator("html").get_attribute("lang") or ""] if shared else range(len(LOOKS))
    for number, (size, theme) in enumerate(LOOKS):
        page.set_viewport_size(size)
        options: dict[str, Any] = {"reporter": "no-passes", "preload": number == 0}
        options["rules"] = {"color-contrast": {"enabled": number in measured}}
        for rule, why, where in page.evaluate(CHECK, [theme, options]):
            yield f"{size['width']} px, {theme}: {rule} ({why}): {'; '.join(where)}"
