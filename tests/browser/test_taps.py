"""How many taps and how long declaring takes: yesterday’s sale again, a new one of two products with a rating, a
meeting of three people."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from declarations.models import Declaration, Line, Revision
from foundation import clock
from foundation.database import db
from network.models import Person
from rewards.jobs import advance_challenges
from tests.browser.stage import publish
from tests.cast import Cast
from tests.declarations.stage import PARIS, sell


@dataclass
class Thumb:
    """A thumb that counts its taps, from the home page on."""

    page: Page
    taps: int = 0
    began: float = 0.0

    def start(self) -> None:
        """Stand on the home page, as it is when one opens the product."""
        self.page.goto("/")
        self.began = time.monotonic()

    def tap(self, what: Locator) -> None:
        """One tap on what is in sight after at most a scroll."""
        what.scroll_into_view_if_needed()
        what.click()
        self.taps += 1

    def says(self, about: str) -> None:
        """Print the figures."""
        print(f"\n{about}: {self.taps} taps, {time.monotonic() - self.began:.1f} s of the machine")


@pytest.fixture
def thumb(cast: Cast, page: Page, sign_in: Callable[[Page, Person], None]) -> Iterator[Thumb]:
    """Awa's, who sold two creams and a serum yesterday."""
    publish()
    list(advance_challenges(clock.now()))
    sell("AWA", [("CREME", 2), ("SERUM", 1)], name="yesterday", at=clock.now() - timedelta(days=1))
    sign_in(page, cast.awa)
    yield Thumb(page)


def last_sale() -> tuple[dict[str, int], Revision]:
    """What the latest declaration says: units by product, and the rest."""
    db.session.rollback()
    revision = db.session.scalars(
        select(Revision).join(Declaration).order_by(Declaration.received_at.desc(), Declaration.id.desc())
    ).first()
    assert revision is not None
    lines = select(Line.sku, Line.units).where(Line.revision_id == revision.id)
    return dict(db.session.execute(lines).all()), revision


def test_yesterdays_sale_again_takes_at_most_three_taps(thumb: Thumb) -> None:
    page = thumb.page
    thumb.start()
    thumb.tap(page.get_by_role("link", name="Redéclarer").first)
    thumb.tap(page.get_by_role("button", name="Envoyer"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("+80")
    thumb.says("yesterday's sale again")
    expect(page.locator("main")).to_contain_text("Où j’en suis")  # the place and the next step come after the points
    assert thumb.taps <= 3
    lines, revision = last_sale()
    assert lines == {"CREME": 2, "SERUM": 1} and revision.channel == "store"
    assert revision.sold_on == clock.day_of(clock.now(), PARIS)


def test_a_new_sale_of_two_products_with_a_rating_takes_at_most_twelve_taps(thumb: Thumb) -> None:
    page = thumb.page
    thumb.start()
    menu = page.get_by_role("navigation", name="Menu", exact=True)
    thumb.tap(menu.get_by_role("link", name="Déclarer"))
    chips = page.get_by_role("group", name="Produits récents")
    thumb.tap(chips.get_by_role("button", name="Crème de jour"))
    units = page.get_by_label("Unités : Crème de jour")
    thumb.tap(units.locator("xpath=..").get_by_role("button", name="Plus"))
    expect(units).to_have_value("2")
    thumb.tap(chips.get_by_role("button", name="Sérum éclat"))
    expect(page.get_by_label("Unités : Sérum éclat")).to_have_value("1")
    thumb.tap(page.get_by_label("En face à face"))  # not as the last time
    thumb.tap(page.get_by_text("L’avis du client"))
    thumb.tap(page.get_by_label("5 étoiles"))
    thumb.tap(page.get_by_role("button", name="Envoyer"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("+80")
    thumb.says("a new sale of two products with a rating")
    assert thumb.taps <= 12
    lines, revision = last_sale()
    assert lines == {"CREME": 2, "SERUM": 1}
    assert (revision.rating, revision.channel) == (5, "face_to_face")


def test_a_meeting_where_three_people_took_two_products_takes_two_taps_for_each_purchase(
    cast: Cast, page: Page, sign_in: Callable[[Page, Person], None]
) -> None:
    publish()
    list(advance_challenges(clock.now()))
    sign_in(page, cast.nina)
    thumb = Thumb(page)
    thumb.start()
    menu = page.get_by_role("navigation", name="Menu", exact=True)
    thumb.tap(menu.get_by_role("link", name="Déclarer"))
    thumb.tap(page.get_by_role("link", name="Toute une réunion"))
    expect(page.get_by_role("group", name="Client 1", exact=True)).to_be_visible()
    chips = page.get_by_role("group", name="Produits récents")
    for product in ("Crème de jour", "Sérum éclat"):
        thumb.tap(chips.get_by_role("button", name=product))
    thumb.tap(page.get_by_role("button", name="Un client de plus"))
    for guest in ("L’hôtesse ou l’hôte", "Client 1", "Client 2"):
        for product in ("Crème de jour", "Sérum éclat"):
            units = page.get_by_role("group", name=guest, exact=True).get_by_label(product)
            thumb.tap(units.locator("xpath=..").get_by_role("button", name="Plus"))
    thumb.tap(page.get_by_role("button", name="Envoyer"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Réunion enregistrée : 3 ventes.")
    expect(page.locator("[data-gained]")).to_have_text("+110 pts")  # six units of care, and the step at five
    thumb.says("a meeting of three people and two products")
    assert thumb.taps <= 12
