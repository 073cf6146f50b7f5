"""A code in front of the camera chooses its product; the reader is fetched with the tap, and a code can be typed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import segno
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from tests.browser.conftest import ARGUMENTS, browsers, program
from tests.cast import Cast

EAN = "3600000000023"  # of the cast's serum
SIZE = (640, 480)
_LEFT = ["0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011"]
_RIGHT = [digit.translate(str.maketrans("01", "10")) for digit in _LEFT]
_PARITY = ["LLLLLL", "LLGLGG", "LLGGLG", "LLGGGL", "LGLLGG", "LGGLLG", "LGGGLL", "LGLGLG", "LGLGGL", "LGGLGL"]


def bars(code: str) -> str:
    """The bars (1) and spaces (0) of an EAN-13."""
    first, left, right = int(code[0]), code[1:7], code[7:]
    halves = [
        _LEFT[int(digit)] if kind == "L" else _RIGHT[int(digit)][::-1]
        for kind, digit in zip(_PARITY[first], left, strict=True)
    ]
    return "101" + "".join(halves) + "01010" + "".join(_RIGHT[int(digit)] for digit in right) + "101"


def ean_picture(code: str) -> Image.Image:
    picture = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(picture)
    for place, bar in enumerate(bars(code)):
        if bar == "1":
            draw.rectangle((130 + place * 4, 120, 133 + place * 4, 360), fill="black")
    return picture


def qr_picture(text: str) -> Image.Image:
    content = BytesIO()
    segno.make(text, micro=False).save(content, kind="png", scale=8, border=4)
    picture = Image.new("RGB", SIZE, "white")
    picture.paste(Image.open(content).convert("RGB"), (150, 80))
    return picture


def video(picture: Image.Image, path: Path) -> Path:
    """A film of two frames (y4m, 4:2:0) that shows a picture."""
    y, cb, cr = picture.convert("YCbCr").split()
    half = (SIZE[0] // 2, SIZE[1] // 2)
    frame = b"FRAME\n" + y.tobytes() + cb.resize(half).tobytes() + cr.resize(half).tobytes()
    path.write_bytes(b"YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420\n" % SIZE + frame * 2)
    return path


@pytest.fixture
def with_camera(driver: Playwright, address: str, tmp_path: Path) -> Iterator[Callable[[Image.Image], BrowserContext]]:
    """with_camera(picture): a phone whose camera sees that picture."""
    opened: list[Browser] = []

    def launch(picture: Image.Image) -> Browser:
        film = video(picture, tmp_path / "camera.y4m")
        seen = [
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={film}",
        ]
        browser = driver.chromium.launch(executable_path=program(whole=True), args=[*ARGUMENTS, *seen])
        opened.append(browser)
        return browser

    contexts: list[Any] = []

    def make(picture: Image.Image) -> BrowserContext:
        manager = browsers(launch(picture), address)
        contexts.append(manager)
        return manager.__enter__()(permissions=["camera"])

    yield make
    for manager in contexts:
        manager.__exit__(None, None, None)
    for browser in opened:
        browser.close()


@pytest.mark.parametrize(
    "picture",
    [ean_picture(EAN), qr_picture("SERUM"), qr_picture(f"https://id.gs1.org/01/0{EAN}?17=271231")],
    ids=["EAN", "QR of a sku", "QR of a product's address"],
)
def test_a_code_before_the_camera_chooses_its_product(
    cast: Cast,
    with_camera: Callable[[Image.Image], BrowserContext],
    sign_in: Callable[..., None],
    picture: Image.Image,
) -> None:
    page = with_camera(picture).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sign_in(page, cast.awa)
    page.goto("/declare")
    scan = page.get_by_role("button", name="Scanner un code")
    expect(scan).to_be_visible()
    assert not any("scan.js" in url or "barcode-reader" in url for url in asked)
    scan.click()
    expect(page.get_by_label("Unités : Sérum éclat")).to_have_value("1")
    expect(page.locator("#scanner")).not_to_be_visible()
    assert any("scan.js" in url for url in asked)


def test_an_unknown_code_offers_a_search(
    cast: Cast, with_camera: Callable[[Image.Image], BrowserContext], sign_in: Callable[..., None]
) -> None:
    page = with_camera(ean_picture("4006381333931")).new_page()
    sign_in(page, cast.awa)
    page.goto("/declare")
    page.get_by_role("button", name="Scanner un code").click()
    expect(page.locator("#declare-results")).to_contain_text("Aucun produit n’a le code « 4006381333931 »")
    expect(page.locator("#lines li")).to_have_count(0)


def test_without_a_camera_the_code_is_typed(cast: Cast, page: Page, sign_in: Callable[..., None]) -> None:
    sign_in(page, cast.awa)
    page.goto("/declare")
    page.get_by_role("button", name="Scanner un code").click()
    expect(page.locator("[data-scan-trouble]")).to_be_visible()
    page.get_by_label("Ou tapez le code").fill(EAN)
    page.get_by_label("Ou tapez le code").press("Enter")
    expect(page.get_by_label("Unités : Sérum éclat")).to_have_value("1")
    page.get_by_role("button", name="Scanner un code").click()
    expect(page.locator("#scanner")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#scanner")).not_to_be_visible()


def test_a_typed_code_does_not_wait_for_a_camera_that_nobody_has_allowed_yet(
    cast: Cast, page: Page, sign_in: Callable[..., None]
) -> None:
    page.add_init_script("navigator.mediaDevices.getUserMedia = () => new Promise(() => {})")
    sign_in(page, cast.awa)
    page.goto("/declare")
    for units in ("1", "2"):
        page.get_by_role("button", name="Scanner un code").click()
        page.get_by_label("Ou tapez le code").fill(EAN)
        page.get_by_label("Ou tapez le code").press("Enter")
        expect(page.get_by_label("Unités : Sérum éclat")).to_have_value(units)


def test_without_scripts_a_typed_code_finds_its_product(
    cast: Cast, new_context: Callable[..., BrowserContext], sign_in: Callable[..., None]
) -> None:
    page = new_context(java_script_enabled=False).new_page()
    sign_in(page, cast.awa)
    page.goto("/declare")
    expect(page.get_by_role("button", name="Scanner un code")).not_to_be_visible()
    page.get_by_label("Chercher un produit, un code").fill(EAN)
    page.get_by_role("button", name="Chercher").click()
    page.locator("#declare-results").get_by_role("button", name="Sérum éclat").click()
    expect(page.get_by_label("Unités : Sérum éclat")).to_have_value("1")
