"""A seller’s day with the keyboard alone: one always sees where one is, and is never thrown back to the top."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from network.models import Outlet, Person
from rewards.jobs import advance_challenges
from tests.browser.stage import fill_shelves, last_code, publish, refused_sale
from tests.cast import JOINED_AT, Cast
from tests.declarations.stage import sell
from tests.rewards.shop import balance, credit

# The ring around what has the focus, its width and its contrast with what is behind it, as soon as it can be seen, or
# when so many milliseconds have passed. Colours are read as the browser writes them: a canvas may have no memory left.
RING = """async (within) => {
    const over = (text, behind) => {
        const said = text.match(/^(rgba?|color)\\((?:srgb )?([-\\d.e, /]+)\\)$/);
        if (!said) throw new Error(`a colour that cannot be read: ${text}`);
        const [red, green, blue, cover = 1] = said[2].split(/[, /]+/).map(Number);
        const most = said[1] === "color" ? 1 : 255;
        return [red, green, blue].map((part, place) => (part / most) * cover + behind[place] * (1 - cover));
    };
    const ground = (one) => (one ? over(getComputedStyle(one).backgroundColor, ground(one.parentElement)) : [1, 1, 1]);
    const light = (parts) => {
        const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        const [red, green, blue] = parts.map(linear);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const look = () => {
        const one = document.activeElement ?? document.documentElement;
        const shown = one.closest(".tile, .chip, .star, .scale-step") || one;
        const style = getComputedStyle(shown);
        const behind = ground(shown.parentElement);
        const [low, high] = [light(over(style.outlineColor, behind)), light(behind)].sort((a, b) => a - b);
        const ring = {
            name: one.ariaLabel || one.innerText || one.name || one.localName,
            width: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
            colour: style.outlineColor,
            contrast: (high + 0.05) / (low + 0.05),
            lost: one === document.body || one === document.documentElement,
        };
        const marked = one.type === "date"; // the browser marks the day, the month, the year or the calendar itself
        return { ...ring, seen: !ring.lost && (marked || (ring.width >= 2 && ring.contrast >= 3)) };
    };
    const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    for (const begun = performance.now(); ; ) {
        await frame();
        let ring;
        try { ring = look(); } catch (error) { ring = { seen: false, fault: error.message }; }
        if (ring.seen || performance.now() - begun >= within) return ring;
    }
}"""


def look(page: Page, *, within: float = 2) -> None:
    """One sees what has the focus, in so many seconds at most: a page may still be settling."""
    ring = page.evaluate(RING, within * 1000)
    assert ring["seen"], str(ring)


def reach(page: Page, what: Locator, *, key: str = "Tab", most: int = 80) -> None:
    """Go to a control with the Tab key, and see the ring at every step."""
    expect(what).to_be_visible()
    for _ in range(most):
        page.keyboard.press(key)
        look(page)
        if what.evaluate("(one) => one === document.activeElement"):
            return
    raise AssertionError(f"{what} is not reached in {most} steps")


def press(page: Page, what: Locator, *, key: str = "Enter") -> None:
    """Go to a control and press a key on it."""
    reach(page, what)
    page.keyboard.press(key)


@pytest.fixture
def awas(cast: Cast, page: Page, sign_in: Callable[[Page, Person], None]) -> Page:
    """Awa's phone, with a keyboard."""
    publish()
    list(advance_challenges(clock.now()))
    sell("AWA", [("CREME", 2)], name="yesterday", at=clock.now() - timedelta(days=1))
    sign_in(page, cast.awa)
    return page


def settled(page: Page) -> None:
    """What htmx asked for is there."""
    page.wait_for_function("() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')")


def test_a_sale_is_told_corrected_and_withdrawn(awas: Page):
    page = awas
    page.goto("/declare")

    # the first Tab offers to skip the menus
    page.keyboard.press("Tab")
    look(page)
    expect(page.get_by_role("link", name="Aller au contenu")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()

    # one by its name, searched; one more of it
    reach(page, page.get_by_label("Chercher un produit, un code"))
    page.keyboard.type("serum")
    found = page.locator("#declare-results").get_by_role("button", name="Sérum éclat")
    expect(found).to_be_visible()
    press(page, found)
    added = page.locator("#lines li").filter(has_text="Sérum éclat")
    expect(added).to_be_focused()
    press(page, added.get_by_role("button", name="Plus"))
    expect(page.get_by_label("Unités : Sérum éclat")).to_have_value("2")
    look(page)

    # kept as a favourite: one stays on the star
    star = added.get_by_role("button", name="Garder Sérum éclat parmi mes favoris")
    press(page, star, key="Space")
    expect(star).to_have_attribute("aria-pressed", "true")
    expect(star).to_be_focused()

    # another, taken back: one goes on from the lines; and added again
    chip = page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour")
    reach(page, chip, key="Shift+Tab")
    page.keyboard.press("Enter")
    cream = page.locator("#lines li").filter(has_text="Crème de jour")
    expect(cream).to_be_focused()
    press(page, cream.get_by_role("button", name="Retirer Crème de jour"))
    expect(cream).to_have_count(0)
    settled(page)
    assert page.evaluate("document.activeElement.closest('#declare-form') !== null"), "the focus stays in the form"
    reach(page, chip, key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(cream).to_be_focused()

    # where it was, what the customer thinks, and off it goes
    reach(page, page.get_by_label("En boutique"))
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("En ligne").or_(page.get_by_label("En face à face")).first).to_be_visible()
    page.get_by_label("En boutique").focus()
    page.keyboard.press("Space")
    expect(page.get_by_label("En boutique")).to_be_checked()
    press(page, page.locator("summary").filter(has_text="L’avis du client"))
    reach(page, page.get_by_label("1 étoile", exact=True))
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_label("5 étoiles")).to_be_checked()
    look(page)
    press(page, page.get_by_role("button", name="Envoyer"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("+")

    press(page, page.get_by_role("link", name="Corriger"))
    page.wait_for_url("**/correction")
    reach(page, page.get_by_label("Unités : Sérum éclat"))
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Unités : Sérum éclat")).to_have_value("1")
    press(page, page.get_by_role("button", name="Corriger"))
    page.wait_for_url(lambda url: "/correction" not in url)
    press(page, page.get_by_role("link", name="Retirer"))
    press(page, page.get_by_role("button", name="Retirer la vente"))
    expect(page.locator("main")).to_contain_text("Vente retirée")


def test_a_mistake_takes_one_to_its_explanation_and_from_there_to_the_field(awas: Page):
    page = awas
    page.goto("/declare")
    press(page, page.get_by_role("button", name="Envoyer"))
    mistake = page.get_by_role("alert").filter(has_text="rien n’est perdu")
    expect(mistake).to_be_focused()
    press(page, mistake.get_by_role("link", name="Produits"))
    expect(page.locator("#lines")).to_be_focused()
    look(page)


def test_the_menu_opens_closes_with_escape_and_changes_theme_and_language(awas: Page):
    page = awas
    page.goto("/")
    menu = page.locator(".user-menu summary")
    press(page, menu)
    expect(page.get_by_role("link", name="Mon profil et mes données")).to_be_visible()
    page.keyboard.press("Tab")
    look(page)
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    expect(page.get_by_role("link", name="Mon profil et mes données")).to_be_hidden()
    page.keyboard.press("Enter")
    press(page, page.get_by_role("button", name="Sombre"))
    expect(page.locator("html")).to_have_attribute("data-theme", "palmares-dark")
    press(page, page.locator(".user-menu summary"))
    press(page, page.get_by_role("button", name="EN", exact=True))
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_an_animator_accepts_a_sale(cast: Cast, page: Page, sign_in: Callable[[Page, Person], None]):
    publish()
    list(advance_challenges(clock.now()))
    sell("AWA", [("CREME", 1_500)], name="large", at=clock.now() - timedelta(hours=2))
    sign_in(page, cast.marc)
    page.goto("/review")
    accept = page.get_by_role("button", name="Accepter")
    expect(accept).to_be_focused()
    assert page.evaluate("() => scrollY") == 0, "what is to be judged is read from its beginning"
    look(page)
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("Vente acceptée")


def test_a_refusal_is_contested_and_messages_are_read(awas: Page):
    page = awas
    sale = refused_sale()
    page.goto(f"/declarations/{sale}")
    press(page, page.get_by_role("button", name="Contester ce refus"))
    expect(page.locator("main")).to_contain_text("En vérification")
    page.goto("/notices")
    press(page, page.get_by_role("button", name="Tout marquer comme lu"))
    expect(page.get_by_role("button", name="Tout marquer comme lu")).to_have_count(0)


def test_a_reward_is_ordered_from_the_catalogue_with_its_code(awas: Page, cast: Cast):
    page = awas
    fill_shelves(cast.awa)
    page.goto("/rewards")
    press(page, page.get_by_role("link", name="Sac de plage"))
    press(page, page.get_by_role("link", name="Commander", exact=True))
    page.wait_for_url("**/rewards/SAC/order")

    # without an address one is led to it
    press(page, page.get_by_role("button", name="Recevoir un code"))
    mistake = page.get_by_role("alert").filter(has_text="rien n’est perdu")
    expect(mistake).to_be_focused()
    look(page)
    press(page, mistake.get_by_role("link", name=re.compile("Adresse de livraison")))
    address = page.get_by_label("Adresse de livraison")
    expect(address).to_be_focused()
    look(page)
    page.keyboard.type("Awa Diallo\n3 rue du Port\n29200 Brest")
    press(page, page.get_by_role("button", name="Recevoir un code"))

    # one is already where the code is typed; a wrong one is explained, and nothing is typed twice
    code = page.get_by_label("Le code à six chiffres")
    expect(code).to_be_focused()
    look(page)
    right = last_code()
    page.keyboard.type("000000" if right != "000000" else "111111")
    page.keyboard.press("Enter")
    expect(mistake).to_be_focused()
    press(page, mistake.get_by_role("link", name=re.compile("n’est pas le bon")))
    expect(code).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type(right)
    expect(address).to_have_value("Awa Diallo\n3 rue du Port\n29200 Brest")
    press(page, page.get_by_role("button", name="Commander pour 300"))
    page.wait_for_url("**/orders/*")
    expect(page.locator("main")).to_contain_text("C’est commandé.")
    reach(page, page.get_by_role("button", name="Annuler cette commande"))
    assert balance(cast.awa) == 200


@pytest.fixture
def leagues(cast: Cast, page: Page, sign_in: Callable[[Page, Person], None]) -> Callable[..., Page]:
    """leagues("Dax", "Nice"): Awa's phone, in a challenge with a league for each of these towns and one for her own; in
    each of them somebody has sold, who goes by its name."""

    def make(*towns: str) -> Page:
        unsaid = dict.fromkeys(("brands", "region", "department", "activity", "potential"), "")
        joined = {"created_at": JOINED_AT, "notice_accepted_at": JOINED_AT}
        sells: dict[str, Any] = {"role": "reseller", "status": "independent", "language": "fr", **joined}
        with transaction():
            for town in towns:
                known = {"code": town, "name": f"Chez {town}"}
                place = {"country": "FR", "city": town, "group_code": town}
                shop = Outlet(**known, **unsaid, **place, kind="reseller", health=False)
                db.session.add(Person(**known, **sells, outlet=shop, session_key=town))
        publish(league_by="city", audience={"outlets": ["PDV-BREST", *towns]})
        list(advance_challenges(clock.now()))
        for code in ("AWA", *towns):
            sell(code, [("CREME", 1)], name=code, at=clock.now() - timedelta(hours=1))
        sign_in(page, cast.awa)
        return page

    return make


def test_another_league_is_looked_at_and_one_stays_where_one_was(leagues: Callable[..., Page]):
    page = leagues("Lille", "Nantes", "Perpignan", "Strasbourg")
    page.goto("/")
    press(page, page.get_by_role("navigation", name="Menu", exact=True).get_by_role("link", name="Classement"))
    page.wait_for_url("**/challenges/automne/ranking")
    expect(page.locator("#ranking")).to_contain_text("Vous")

    # a row that is longer than the phone is wide
    row = page.get_by_role("navigation", name="Classement par ville")
    for town in ("Perpignan", "Strasbourg"):
        tab = row.get_by_role("link", name=town)
        press(page, tab)
        expect(tab).to_have_attribute("aria-current", "page")
        expect(page.locator("#ranking")).to_contain_text(f"Chez {town}")
        settled(page)
        expect(tab).to_be_focused()
        expect(tab).to_be_in_viewport(ratio=1)
        look(page)
    page.keyboard.press("Shift+Tab")
    expect(row.get_by_role("link", name="Perpignan")).to_be_focused()
    page.go_back()
    expect(row.get_by_role("link", name="Perpignan")).to_have_attribute("aria-current", "page")
    settled(page)
    look(page)


def test_of_many_leagues_one_is_chosen_in_a_list(leagues: Callable[..., Page]):
    page = leagues("Lille", "Lyon", "Nantes", "Nice", "Perpignan", "Strasbourg")
    page.goto("/ranking")
    choice = page.get_by_label("Classement par ville")
    reach(page, choice)
    for town in ("Lille", "Lyon"):
        page.keyboard.press("ArrowDown")
        expect(page.locator("#ranking")).to_contain_text(f"Chez {town}")
        settled(page)
        expect(choice).to_be_focused()
        expect(choice).to_have_value(town)
        look(page)
    page.keyboard.press("Tab")
    see = page.get_by_role("button", name="Voir")
    expect(see).to_be_focused()
    with page.expect_response("**/challenges/automne/ranking?league=Lyon"):
        page.keyboard.press("Enter")
    settled(page)
    expect(see).to_be_focused()
    look(page)
    expect(page).to_have_url(re.compile("league=Lyon$"))


def test_movements_are_filtered_and_one_stays_on_the_filter(awas: Page, cast: Cast):
    page = awas
    credit(cast.awa, 500, at=clock.now())
    page.goto("/points")
    for name, told in (("Cagnotte", "+500"), ("Automne", "+20"), ("Tout", "+500")):
        chip = page.locator("#movements").get_by_role("link", name=name, exact=True)
        reach(page, chip, key="Shift+Tab" if name == "Tout" else "Tab")
        page.keyboard.press("Enter")
        expect(chip).to_have_attribute("aria-current", "true")
        expect(page.locator("#movements ol")).to_contain_text(told)
        settled(page)
        expect(chip).to_be_focused()
        look(page)


# Another ring, at once.
DRAW = """(rule) => {
    const drawn = new CSSStyleSheet();
    drawn.replaceSync(`:focus-visible { ${rule} !important; transition: none !important; }`);
    document.adoptedStyleSheets = [drawn];
}"""


def test_a_ring_that_cannot_be_seen_is_noticed(page: Page):
    page.goto("/sign-in")
    page.keyboard.press("Tab")
    for rule, said in (
        ("outline: none", "'width': 0"),
        ("outline-color: rgb(220 220 220)", "'contrast': 1.2"),
        ("outline-color: rgb(0 0 0 / 20%)", "'contrast': 1.6"),
        ("outline-color: color(srgb 0.9 0.9 0.9)", "'contrast': 1.1"),
        ("outline-color: oklch(40% 0.2 250)", "a colour that cannot be read: oklch"),
    ):
        page.evaluate(DRAW, rule)
        with pytest.raises(AssertionError, match=said):
            look(page, within=0)
    # what comes late is waited for
    page.evaluate(f"() => setTimeout({DRAW}, 100, 'outline-color: color(srgb 0 0 0 / 0.9)')")
    look(page)
    page.evaluate("() => document.activeElement.blur()")
    with pytest.raises(AssertionError, match="'lost': True"):
        look(page, within=0)
