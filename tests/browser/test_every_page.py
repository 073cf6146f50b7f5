"""Every page of every role: no fault in the console, no sideways scroll on a phone, one title, the right language;
nothing that the accessibility checker finds, by any of its rules, on a phone and on a desk, by day and by night, in
French and in English; and no link on any of them leads nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Response
from sqlalchemy import select
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from challenges.forms import STEP_NAMES
from challenges.models import Challenge, Draft
from declarations.models import Declaration
from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from network.invitations import invite
from network.models import Notice, Outlet, Person
from network.notices import notify
from network.permissions import PERMISSIONS
from points.models import Account, Lot
from rewards.models import STATES, BacktestRun, Order, Reward
from tests.browser.access import DESK, violations
from tests.browser.conftest import PHONE, Demonstration, served
from tests.rewards.shop import credit, order

SOMEBODY = {"reseller": "Camille Morvan", "animator": "Claire Aubin", "brand": "Thomas Ravel", "admin": "Agnès Delorme"}

# What is no page of its own: parts of pages, files and pictures; and what a person meets on the way to somewhere, which
# the journeys below look at.
NOT_A_PAGE = {
    "badges.picture",
    "challenges.download",
    "challenges.draft_of",
    "challenges.names",
    "challenges.picture",
    "challenges.rules_pdf",
    "challenges.picture_of_draft",
    "declarations.draft",
    "declarations.products",
    "declarations.meeting_draft",
    "declarations.proof",
    "declarations.target_file",
    "insights.download",
    "network.address",
    "network.address_code",
    "insights.employer_statement",
    "insights.my_statement",
    "insights.person_statement",
    "insights.statement_file",
    "network.ask_code",
    "network.confirmation_code",
    "network.picture",
    "network.sign_in",
    "network.type_code",
    "network.welcome",
    "points.download",
    "portal.progress",
    "rewards.certificate",
    "rewards.picture",
    "rewards.podium",
    "rewards.draw_standings",
    "rewards.draw_tickets",
}


def notice_for(name: str) -> int:
    """The number of a notice of this person, written when there is none yet."""
    person = db.session.scalars(select(Person).where(Person.name == name)).one()
    mine = select(Notice.id).where(Notice.person_id == person.id).limit(1)
    if db.session.scalar(mine) is None:
        with transaction():
            notify([person.id], "rules", "Le règlement change", "Dès lundi.", "/challenges", at=clock.now())
    return db.session.scalars(mine).one()


def order_of(name: str) -> tuple[int, str, str]:
    """The number of an order of this person, made when there is none yet; the codes of an article and of a voucher."""
    person = db.session.scalars(select(Person).where(Person.name == name)).one()
    priced = select(Reward).where(Reward.price_points.is_not(None), Reward.starts_on.is_(None)).order_by(Reward.id)
    article = db.session.scalars(priced).first()
    voucher = db.session.scalars(select(Reward.code).where(Reward.kind == "voucher")).first()
    assert article is not None and voucher is not None
    mine = select(Order.id).where(Order.person_id == person.id)
    if db.session.scalar(mine) is None:
        at = clock.now()
        credit(person, article.price_points or 0, at=at, name="for an order")
        order(person, article, at=at, stepped_up=True)
    return db.session.scalars(mine).first() or 0, article.code, voucher


def pages(app: Flask, role: str) -> dict[str, list[str]]:
    """The addresses of a role's pages by endpoint, with real names from the demonstration."""
    with app.app_context():
        ordered, article, voucher = order_of(SOMEBODY["reseller"])
        notices = {one: notice_for(name) for one, name in SOMEBODY.items()}
        theirs = [one for one in db.session.scalars(select(Challenge)) if not one.definition.get("audience")]
        by_state = {one.state: one.code for one in theirs}
        draft = db.session.scalars(select(Challenge.code).where(Challenge.state == "draft")).one()
        written = db.session.scalars(select(Draft.id).join(Challenge).where(Challenge.state == "draft")).first()
        person = db.session.scalars(select(Person).where(Person.name == SOMEBODY["reseller"])).one()
        mine = select(Declaration.public_id).where(Declaration.person_id == person.id, Declaration.status == "accepted")
        latest = db.session.scalars(mine.order_by(Declaration.received_at.desc()).limit(1)).one()
        waiting = db.session.scalars(select(Declaration.public_id).where(Declaration.status == "in_review")).first()
        lot = db.session.scalars(select(Lot.id).join(Account).where(Account.person_id == person.id)).first()
        outlet = db.session.scalars(select(Outlet.code).order_by(Outlet.code)).first()
        backtest = db.session.scalars(select(BacktestRun.id)).first()
        objective = next(one.code for one in db.session.scalars(select(Challenge)) if one.has_objective)
        db.session.remove()
    running, closed = by_state["running"], by_state["closed"]
    drawn = next(one.code for one in theirs if any(two["kind"] == "draw" for two in one.definition["payouts"]))
    everybody = {
        "portal.home": ["/"],
        "challenges.index": ["/challenges"],
        "challenges.show": [f"/challenges/{running}", f"/challenges/{closed}", f"/challenges/{by_state['published']}"],
        "challenges.rules": [f"/challenges/{running}/rules"],
        "challenges.rules_version": [f"/challenges/{closed}/rules/1"],
        "rewards.draw": [f"/challenges/{drawn}/draw"],
        "rewards.result": [f"/challenges/{closed}/result"],
        "leaderboards.current": ["/ranking"],
        "leaderboards.ranking": [f"/challenges/{running}/ranking", f"/challenges/{closed}/ranking"],
        "network.confirmation": ["/me/confirmation"],
        "network.me": ["/me", "/me?first=1"],
        "network.notice": ["/welcome"],
        "network.notice_page": [f"/notices/{notices[role]}"],
        "network.notices": ["/notices"],
    }
    reseller = {
        "badges.badges": ["/badges"],
        "challenges.acceptances": ["/acceptances"],
        "declarations.answer": [f"/declarations/{latest}", f"/declarations/{latest}?new=1"],
        "declarations.correction": [f"/declarations/{latest}/correction"],
        "declarations.declarations": ["/declarations", "/declarations?status=rejected"],
        "declarations.declare": ["/declare", f"/declare?repeat={latest}"],
        "declarations.meeting": ["/declare/meeting"],
        "declarations.meeting_answer": [f"/declare/meeting/answer?sale={latest}"],
        "declarations.withdrawal": [f"/declarations/{latest}/withdrawal"],
        "insights.mirror": ["/mirror"],
        "insights.my_year": ["/points/year", "/points/year?year=2024"],
        "points.points": ["/points", "/points?page=2"],
        "rewards.article": [f"/rewards/{article}", "/rewards/atelier-parfum"],
        "rewards.catalogue": ["/rewards", "/rewards?kind=voucher", "/rewards?favourites=1"],
        "rewards.my_order": [f"/orders/{ordered}"],
        "rewards.my_orders": ["/orders"],
        "rewards.order": [f"/rewards/{article}/order"],
    }
    insight = {
        "insights.comments": ["/insights/comments"],
        "insights.overview": ["/insights", "/insights?period=12m&by=department&then=channel"],
    }
    accounts = {
        "insights.statement": ["/insights/statement", "/insights/statement?year=2024"],
        "points.statement": ["/studio/points/statement"],
    }
    staff = insight | {
        "declarations.person_points": [f"/studio/network/people/{person.code}/points"],
        "declarations.waiting_adjustments": ["/studio/points/adjustments"],
        "points.wallet_credits": [f"/studio/network/people/{person.code}/credits"],
        "points.reversal": [f"/studio/network/people/{person.code}/credits/{lot}/reversal"],
        "insights.person_benefits": [f"/studio/network/people/{person.code}/benefits"],
        "challenges.new": ["/studio/new"],
        "challenges.removal": [f"/studio/drafts/{written}/removal"],
        "challenges.step": [f"/studio/drafts/{written}/{step}" for step in STEP_NAMES],
        "declarations.amendment": [f"/studio/{running}/amendment"],
        "declarations.cancellation": [f"/studio/{running}/cancellation"],
        "declarations.early_closing": [f"/studio/{running}/early-closing"],
        "declarations.extension": [f"/studio/{running}/extension"],
        "declarations.review": ["/review", f"/review/{waiting}"],
        "declarations.series": [f"/studio/{running}/series"],
        "declarations.targets": [f"/studio/{objective}/targets"],
        "network.import_file": ["/studio/network/import"],
        "network.outlet": [f"/studio/network/outlets/{outlet}"],
        "network.outlets": ["/studio/network/outlets"],
        "network.people": ["/studio/network/people", "/studio/network/people?q=a&role=reseller"],
        "network.person": [f"/studio/network/people/{person.code}"],
        "portal.announcements": [f"/studio/{running}/announcements"],
        "portal.dashboard": [f"/studio/{running}", f"/studio/{closed}"],
        "portal.history": [f"/studio/{running}/history"],
        "portal.silent": [f"/studio/{running}/silent"],
        "portal.studio": ["/studio", "/studio?q=a&state=closed"],
        "network.sheet": [f"/studio/network/outlets/{outlet}/sheet"],
        "rewards.articles": ["/studio/rewards", "/studio/rewards?q=a"],
        "rewards.edit_article": [f"/studio/rewards/article/{article}"],
        "rewards.import_articles": ["/studio/rewards/import"],
        "rewards.import_pool": [f"/studio/rewards/article/{voucher}/codes"],
        "rewards.new_article": ["/studio/rewards/new"],
        "rewards.prepare": [f"/studio/orders/{ordered}"],
        "rewards.queue": [f"/studio/orders?state={state}" for state in STATES],
        "rewards.backtest": [f"/studio/{draft}/backtests/{backtest}"],
        "rewards.backtests": [f"/studio/{draft}/backtests"],
        "rewards.publication": [f"/studio/{draft}/publication"],
    }
    admin = staff | accounts | {"challenges.law": ["/studio/law"]}
    return everybody | {"reseller": reseller, "brand": insight | accounts, "animator": staff, "admin": admin}[role]


@pytest.fixture(params=list(SOMEBODY))
def role(request: pytest.FixtureRequest) -> str:
    """Each role in turn."""
    return request.param


def test_the_list_of_pages_is_complete(demonstration: Demonstration, role: str):
    listed = set(pages(demonstration.app, role))
    missing = set()
    for rule in demonstration.app.url_map.iter_rules():
        permission = getattr(demonstration.app.view_functions[rule.endpoint], "permission", "public")
        own = permission in ("public", "machine") or role not in PERMISSIONS[permission]
        if not own and "GET" in rule.methods and rule.endpoint not in NOT_A_PAGE and not rule.rule.startswith("/api/"):
            missing.add(rule.endpoint)
    assert missing == listed


# Scripts, styles and style attributes in a page as the server wrote it. A block of data is no script: nothing runs it.
WRITTEN_INLINE = """(written) => [...new DOMParser().parseFromString(written, "text/html")
    .querySelectorAll("[style], style, script:not([src]):not([type='application/json'])")]
    .map((one) => one.outerHTML.slice(0, 80))"""


def faults(page: Page, address: str, language: str) -> Iterator[str]:
    """Open a page and say what is not as it should be."""
    answer = page.goto(address)
    page.wait_for_function("() => !document.querySelector('.htmx-request, [hx-trigger=load]')")
    if answer is None or answer.status != 200:
        yield f"answered {answer and answer.status}"
    if answer is not None:
        yield from misbuilt(page, answer, language)


def misbuilt(page: Page, answer: Response, language: str) -> Iterator[str]:
    """What any page has wrong, whatever it is about: this one, which came with this answer."""
    yield from (f"written inline: {found}" for found in page.evaluate(WRITTEN_INLINE, answer.text()))
    seen: dict[str, Any] = page.evaluate(
        """() => ({
            scroll: document.scrollingElement.scrollWidth - window.innerWidth,
            titles: document.querySelectorAll("h1").length,
            language: document.documentElement.lang,
        })"""
    )
    if seen["scroll"] > 0:
        yield f"scrolls sideways by {seen['scroll']} px"
    if seen["titles"] != 1:
        yield f"has {seen['titles']} titles"
    if seen["language"] != language:
        yield f"says its language is {seen['language']!r}"


# The longest walks first, so that two processes that share them end at the same time.
WALKS = [(role, language) for role in ("animator", "admin", "reseller", "brand") for language in ("fr", "en")]


@pytest.mark.parametrize(("role", "language"), WALKS)
def test_every_page_is_open_to_everybody_in_both_sizes_and_themes(
    demonstration: Demonstration, role: str, language: str
):
    # The content-security policy holds here: what it stops is said in the console, and fails the test.
    page = demonstration.enter(SOMEBODY[role])
    speak(page, language)
    known = Neighbour(demonstration, language) if role == "admin" else None
    wrong = []
    for address in (one for some in pages(demonstration.app, role).values() for one in some):
        page.set_viewport_size(PHONE)
        wrong += [f"{address}: {fault}" for fault in faults(page, address, language)]
        if known is None or not known.sees(page, address):
            wrong += [f"{address}: {fault}" for fault in violations(page, again_in_the_other_language=True)]
    speak(page, "fr")
    assert wrong == []


class Neighbour:
    """Somebody whose pages are looked at already, and need not be again where they say the same."""

    def __init__(self, demonstration: Demonstration, language: str) -> None:
        self.page = demonstration.enter(SOMEBODY["animator"])
        speak(self.page, language)

    def sees(self, page: Page, address: str) -> bool:
        """Whether this page is theirs, word for word, under another menu."""
        theirs, other = (one.request.get(address) for one in (self.page, page))
        return theirs.ok and said(theirs.text()) == said(other.text())


def said(written: str) -> str:
    """What a page says, but for the menu and for the tokens of its forms."""
    [main] = re.findall(r"<main.*</main>", written, flags=re.S)
    return re.sub(r"<input[^>]*csrf_token[^>]*>", "", main)


def speak(page: Page, language: str) -> None:
    """Choose a language in the menu."""
    page.set_viewport_size(DESK)
    page.locator(".user-menu summary").click()
    page.get_by_role("button", name=language.upper(), exact=True).click()
    page.wait_for_function("(language) => document.documentElement?.lang === language", arg=language)


def test_no_link_leads_nowhere(demonstration: Demonstration, role: str):
    page = demonstration.enter(SOMEBODY[role])
    routes = demonstration.app.url_map.bind("127.0.0.1")
    links: dict[str, str] = {}
    for [address, *_] in pages(demonstration.app, role).values():
        written = page.request.get(address).text()
        for found in re.findall(r'<a\b[^>]*?\bhref="([^"]*)"|\bhx-get="([^"]*)"', written):
            link = unescape("".join(found))
            path = urlsplit(link)
            if path.netloc or not path.path:
                continue
            try:
                endpoint, _values = routes.match(path.path)
            except RequestRedirect:
                endpoint = path.path
            except HTTPException:
                endpoint = f"nothing at {path.path}"
            links.setdefault(endpoint, link)
    assert len(links) > 10
    wrong = []
    for endpoint, address in links.items():
        answer = page.request.get(address)
        if not answer.ok:
            wrong.append(f"{address} ({endpoint}): {answer.status}")
    assert wrong == []


# Browsers that speak a language; what a service worker fetches would not be asked for in it.
SPEAKS: dict[str, Any] = {
    "fr": {"locale": "fr-FR", "service_workers": "block"},
    "en": {"locale": "en-GB", "service_workers": "block"},
}


@contextmanager
def answered(page: Page) -> Iterator[Any]:
    """Wait for the page with which the server answers. A draft that is saved meanwhile is noted in the history, and
    would pass for a navigation."""

    def is_a_page(answer: Response) -> bool:
        return answer.request.is_navigation_request() and not 300 <= answer.status < 400

    with page.expect_event("load"), page.expect_response(is_a_page) as answer:
        yield answer


class Look:
    """Looks at whatever page is open, as somebody goes on their way; `wrong` is what was found."""

    def __init__(self, page: Page, language: str) -> None:
        self.page, self.language = page, language
        self.wrong: list[str] = []

    def at(self, address: str) -> None:
        """Open a page and look at it."""
        self.page.set_viewport_size(PHONE)
        self.wrong += [f"{address}: {fault}" for fault in faults(self.page, address, self.language)]
        self.here(urlsplit(address).path)

    def here(self, address: str) -> None:
        """Look at the page that a form led to."""
        self.page.wait_for_url(lambda url: urlsplit(url).path == address)
        assert self.page.locator("html").get_attribute("lang") == self.language
        self.wrong += [f"{address}: {fault}" for fault in violations(self.page, again_in_the_other_language=True)]
        self.page.set_viewport_size(PHONE)

    def send(self, which: str = "main form:not([action^='/sign-in/'])", **typed: str) -> Response:
        """Type into the first such form and send it as it is, whatever the browser would say; what came back."""
        form = self.page.locator(which).first
        for name, text in typed.items():
            form.locator(f"[name={name}]").fill(text)
        form.evaluate("(form) => { form.noValidate = true; }")
        with answered(self.page) as answer:
            form.locator("button:not([type=button])").last.click()
        return answer.value


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_pages_before_one_is_somebody(demonstration: Demonstration, language: str):
    look = Look(demonstration.new_context(**SPEAKS[language]).new_page(), language)
    for address in (
        "/sign-in",
        "/sign-in?next=/points",
        f"/offline/{language}",
        f"/offline/{language}/sent",
        f"/offline/{language}/left",
    ):
        look.at(address)
    look.page.goto("/sign-in")
    look.send(email="nobody")
    look.here("/sign-in")  # with what is wrong
    look.send(email="nobody@example.org")
    look.here("/sign-in/code")
    look.send(code="000000")
    look.here("/sign-in/code")
    assert look.wrong == []


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_pages_on_the_way_in_and_to_another_address(demonstration: Demonstration, language: str):
    with demonstration.app.app_context():
        at, code = clock.now(), f"NEW-{language}"
        with transaction():
            newcomer = Person(
                code=code, name="Lou Perrin", role="reseller", status="employee", language=language, created_at=at,
                session_key=code, email=f"lou-{language}@example.org",
                outlet_id=db.session.scalars(select(Outlet.id)).first(),
            )  # fmt: skip
            db.session.add(newcomer)
            db.session.flush()
            token = invite(newcomer, by="system", at=at)
        db.session.remove()
    look = Look(demonstration.new_context(**SPEAKS[language]).new_page(), language)
    look.at(f"/welcome/{token}")
    look.send()
    look.here("/welcome")  # what is kept about me, before there is any menu
    look.send()
    look.here("/me")
    look.send()
    look.at("/me/confirmation?next=/me/address")
    look.send()
    look.here("/me/confirmation/code")
    [code] = re.findall(r"code (?:est|is) (\d{6})", look.page.locator("body").inner_text())
    look.send(code="000000" if code != "000000" else "111111")
    look.here("/me/confirmation/code")
    look.send(code=code)
    look.here("/me/address")
    look.send(email="nobody")
    look.here("/me/address")
    look.send(email=f"new-{language}@example.org")
    look.here("/me/address/code")
    assert look.wrong == []


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_pages_that_say_no(demonstration: Demonstration, chromium: Browser, language: str):
    app = demonstration.app
    with served(app) as address:
        # These answers are errors, and the console says so: a browser of its own, that nobody listens to.
        context = chromium.new_context(base_url=address, reduced_motion="reduce", **SPEAKS[language])
        page, wrong = context.new_page(), []
        for code in (400, 403, 404, 413, 429, 500):
            answer = page.goto(f"/refused/{code}")
            assert answer is not None and answer.status == code
            assert page.locator("html").get_attribute("lang") == language
            assert page.locator("h1").count() == 1
            wrong += [f"{code}: {fault}" for fault in violations(page, again_in_the_other_language=True)]
        page.goto("/welcome/of-another-time")
        wrong += [f"an old invitation: {fault}" for fault in violations(page)]
        context.close()
    assert wrong == []


def test_the_checker_finds_what_is_wrong_in_one_theme_or_one_size_alone(demonstration: Demonstration):
    page = demonstration.new_context().new_page()
    page.goto("/sign-in")
    page.evaluate(
        """() => {
            const wrong = new CSSStyleSheet();
            wrong.replaceSync(`[data-theme=palmares-dark] h1 { color: #222; }
                @media (min-width: 1000px) {
                    label { color: #eee; }
                    [data-theme=palmares-dark] label { color: #222; }
                }`);
            document.adoptedStyleSheets.push(wrong);
            document.querySelector("main").append(new Image());
        }"""
    )
    found = [fault.split(" (")[0] for fault in violations(page)]
    assert found == [
        "390 px, palmares: image-alt",
        "390 px, palmares-dark: color-contrast",
        "390 px, palmares-dark: image-alt",
        "1440 px, palmares-dark: color-contrast",
        "1440 px, palmares-dark: image-alt",
        "1440 px, palmares: color-contrast",
        "1440 px, palmares: image-alt",
    ]
