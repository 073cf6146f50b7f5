"""The pages of the catalogue and of orders: what a seller sees, is asked, and gets."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import event, func, select, update

from foundation import clock, programme
from foundation.database import db
from foundation.models import AuditEntry, OutboxMessage
from foundation.transactions import transaction
from rewards import codes, orders
from rewards.models import Order, Reward
from tests.rewards.shop import ADDRESS, balance, credit, fresh, offer, order, stock


@pytest.fixture
def awa(client, cast):
    """Awa's browser; her wallet holds 250 points."""
    credit(cast.awa, 250)
    client.sign_in(cast.awa)
    return client


@pytest.fixture
def strict(app):
    """Every order asks for a code."""
    with transaction():
        programme.change_setting("step_up_above_points", "0", by="ADA", at=clock.now())


def fields(page: str) -> dict[str, str]:
    """The hidden fields of the order form."""
    return {
        name: re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)[1]  # type: ignore[index]
        for name in ("token", "price")
    }


def ask(browser, what="SAC"):
    """The question before an order."""
    return browser.get(f"/rewards/{what}/order")


def send(browser, what="SAC", *, page: str | None = None, **values):
    """The answer to it, from a page asked before or now."""
    form = fields(page or ask(browser, what).text) | {"address": ADDRESS} | values
    return browser.post(f"/rewards/{what}/order", data=form)


def last_code() -> str:
    """The six digits of the latest message."""
    db.session.rollback()
    text = db.session.scalar(select(OutboxMessage.text).order_by(OutboxMessage.id.desc()).limit(1))
    return re.search(r"\b(\d{6})\b", text)[1]  # type: ignore[index]


def test_what_i_can_afford_comes_first_and_the_rest_says_what_is_missing(awa):
    offer("CHER", name="Voyage", price_points=370)
    offer("SAC", name="Sac", price_points=200)
    offer("FINI", name="Montre", price_points=50, stock=0)
    page = awa.get("/rewards").text
    assert page.index("Sac") < page.index("Montre") < page.index("Voyage")
    assert "encore 120 pts" in page.replace("\u202f", " ").replace("\xa0", " ")
    assert "Épuisé" in page


def test_the_catalogue_is_filtered_by_kind_and_favourites(awa):
    offer("SAC", name="Sac")
    offer("BON", name="Bon cadeau", kind="voucher")
    assert "Bon cadeau" not in awa.get("/rewards?kind=gift").text
    assert "Pas encore de favori" in awa.get("/rewards?favourites=1").text
    awa.post("/rewards/BON/favourite", data={"wished": "1"})
    awa.post("/rewards/BON/favourite", data={"wished": "1"})
    page = awa.get("/rewards?favourites=1").text
    assert "Bon cadeau" in page and 'href="/rewards/SAC"' not in page
    awa.post("/rewards/BON/favourite", data={"wished": "0"})
    assert "Pas encore de favori" in awa.get("/rewards?favourites=1").text


def test_ordering_asks_once_and_takes_the_price_shown(awa, cast):
    offer("SAC", stock=3)
    assert 'href="/rewards/SAC/order"' in awa.get("/rewards/SAC").text
    answer = send(awa)
    assert answer.status_code == 303
    page = awa.get(answer.location).text
    assert "C’est commandé" in page and "Commandée" in page and "3 rue du Port" in page
    assert (stock(), balance(cast.awa)) == (2, 150)
    assert "Sac" in awa.get("/orders").text


def test_a_double_click_is_one_order(awa, cast):
    offer("SAC", stock=3)
    page = ask(awa).text
    first, second = send(awa, page=page), send(awa, page=page)
    assert first.location == second.location
    assert "déjà faite" in awa.get(second.location).text
    assert (stock(), balance(cast.awa)) == (2, 150)


def test_two_tabs_are_one_order(awa, cast):
    offer("SAC", stock=3)
    tabs = [ask(awa).text, ask(awa).text]
    assert len({send(awa, page=tab).location for tab in tabs}) == 1
    assert balance(cast.awa) == 150


def test_a_price_that_changed_is_shown_and_nothing_is_taken(awa, cast):
    offer("SAC", stock=3)
    page = ask(awa).text
    with transaction():
        db.session.execute(update(Reward).values(price_points=120))
    answer = send(awa, page=page)
    assert answer.status_code == 409
    assert "Le prix a changé" in answer.text and "120" in answer.text
    assert "3 rue du Port" in answer.text  # what was typed is still there
    assert balance(cast.awa) == 250
    assert send(awa, page=answer.text).status_code == 303
    assert balance(cast.awa) == 130


@pytest.mark.parametrize("change", [{"price_points": None}, {"countries": "BE"}])
def test_an_article_withdrawn_while_i_order_is_said_and_nothing_is_taken(awa, cast, change):
    offer(stock=1)
    page = ask(awa).text
    with transaction():
        db.session.execute(update(Reward).values(**change))
    answer = send(awa, page=page)
    assert answer.location == "/rewards"
    assert "ne se commande pas en ce moment" in awa.get("/rewards").text
    assert (balance(cast.awa), stock()) == (250, 1)
    assert awa.post("/rewards/SAC/order", data={"token": "guessed", "price": "100"}).status_code == 404


def test_the_last_one_gone_meanwhile_leaves_my_points_alone(awa, cast):
    reward = offer("SAC", stock=1)
    page = ask(awa).text
    credit(cast.bruno, 100)
    order(cast.bruno, reward)
    answer = send(awa, page=page)
    assert (answer.status_code, balance(cast.awa)) == (409, 250)
    assert "Vos points sont intacts" in answer.text


def test_an_order_without_an_address_says_so_beside_the_field(awa, cast):
    offer("SAC")
    answer = send(awa, address="")
    assert answer.status_code == 422
    assert "Écrivez l’adresse de livraison" in answer.text
    assert balance(cast.awa) == 250


def test_no_code_leaves_before_there_is_an_address(awa, cast, strict):
    offer("SAC")
    answer = send(awa, address=" ")
    assert answer.status_code == 422 and "Écrivez l’adresse de livraison" in answer.text
    assert db.session.scalar(select(func.count()).select_from(OutboxMessage)) == 0
    assert "Recevoir un code" in answer.text


@pytest.mark.parametrize("wrong", [{"price": "-1"}, {"price": "x"}, {"token": "t" * 65}, {"token": ""}])
def test_a_form_that_was_tampered_with_is_refused(awa, cast, wrong):
    offer("SAC")
    assert send(awa, **wrong).status_code == 422
    assert balance(cast.awa) == 250


def test_sold_out_offers_the_waiting_list(awa):
    offer("SAC", stock=0)
    page = awa.get("/rewards/SAC").text
    assert "Me prévenir" in page and "/rewards/SAC/order" not in page
    awa.post("/rewards/SAC/waiting", data={"waits": "1"})
    assert "vous serez prévenu" in awa.get("/rewards/SAC").text
    awa.post("/rewards/SAC/waiting", data={"waits": "0"})
    assert "Me prévenir" in awa.get("/rewards/SAC").text


def test_a_large_order_asks_for_a_fresh_code_and_keeps_what_was_typed(awa, cast, strict):
    offer("SAC")
    page = ask(awa).text
    assert "Recevoir un code" in page
    answer = send(awa, page=page)
    assert answer.status_code == 200 and "3 rue du Port" in answer.text and "awa@example.org" in answer.text
    assert balance(cast.awa) == 250
    right = last_code()
    wrong = "000000" if right != "000000" else "111111"
    answer = send(awa, page=answer.text, code=wrong)
    assert answer.status_code == 422 and "pas le bon" in answer.text
    answer = send(awa, page=answer.text, code=right)
    assert answer.status_code == 303
    assert balance(cast.awa) == 150
    # for ten minutes no other code is asked
    assert send(awa).status_code == 303
    assert balance(cast.awa) == 50


def test_a_code_is_good_in_its_own_session_only(app, awa, cast, strict):
    offer("SAC")
    send(awa)
    stolen = last_code()
    thief = app.test_client()
    thief.sign_in(cast.awa)
    assert send(thief, code=stolen).status_code == 422
    assert balance(cast.awa) == 250


def test_without_an_address_no_large_order_and_a_word_about_it(awa, cast, strict):
    offer("SAC")
    with transaction():
        cast.awa.email = None
    answer = send(awa)
    assert answer.status_code == 422 and "Aucune adresse e-mail" in answer.text


def test_i_cancel_my_order_until_somebody_prepares_it(awa, cast):
    offer("SAC", stock=3)
    number = int(send(awa).location.rpartition("/")[2])
    assert "annulée" in awa.post(f"/orders/{number}/cancellation", follow_redirects=True).text
    assert (stock(), balance(cast.awa)) == (3, 250)
    number = int(send(awa).location.rpartition("/")[2])
    with transaction():
        orders.approve(db.session.get_one(Order, number), by="MARC", at=clock.now())
    assert "déjà avancé" in awa.post(f"/orders/{number}/cancellation", follow_redirects=True).text
    assert (stock(), balance(cast.awa)) == (2, 150)


def test_somebody_else_s_order_does_not_exist(app, awa, cast):
    offer("SAC")
    where = send(awa).location
    bruno = app.test_client()
    bruno.sign_in(cast.bruno)
    assert bruno.get(where).status_code == 404
    assert bruno.post(f"{where}/cancellation").status_code == 404
    assert bruno.post(f"{where}/code").status_code == 404
    assert awa.get(where).status_code == 200


def test_staff_clear_the_queue(app, awa, cast):
    offer("SAC")
    number = int(send(awa).location.rpartition("/")[2])
    marc = app.test_client()
    marc.sign_in(cast.marc)
    page = marc.get("/studio/orders").text
    assert "Awa Diallo" in page and "3 rue du Port" in page and "1 commande attend" in page
    assert marc.post(f"/studio/orders/{number}/approval").location == "/studio/orders?state=ordered"
    assert "Awa Diallo" in marc.get("/studio/orders?state=approved").text
    marc.post(f"/studio/orders/{number}/sending", data={"tracking": "Colis 42"})
    assert "Colis 42" in awa.get(f"/orders/{number}").text
    marc.post(f"/studio/orders/{number}/delivery")
    assert fresh(Order, number).state == "delivered"
    assert "déjà avancé" in marc.post(f"/studio/orders/{number}/delivery", follow_redirects=True).text
    assert "3 rue du Port" not in marc.get(f"/studio/orders/{number}").text


def test_staff_cancel_with_a_reason_that_is_read(app, awa, cast):
    offer("SAC")
    number = int(send(awa).location.rpartition("/")[2])
    marc = app.test_client()
    marc.sign_in(cast.marc)
    assert marc.post(f"/studio/orders/{number}/cancellation", data={"reason": ""}).status_code == 422
    assert balance(cast.awa) == 150
    marc.post(f"/studio/orders/{number}/cancellation", data={"reason": "Plus fabriqué"})
    assert "Plus fabriqué" in awa.get(f"/orders/{number}").text
    assert balance(cast.awa) == 250


def test_a_voucher_s_code_is_read_after_a_fresh_code_and_never_shown_before(app, awa, cast):
    reward = offer("BON", kind="voucher")
    with transaction():
        codes.add(db.session.get_one(Reward, reward.id), ["AAA-111"], by="MARC", at=clock.now())
    number = int(send(awa, "BON").location.rpartition("/")[2])
    with transaction():
        orders.approve(db.session.get_one(Order, number), by="MARC", at=clock.now())
    page = awa.get(f"/orders/{number}").text
    assert "Lire mon code" in page and "AAA-111" not in page
    answer = awa.post(f"/orders/{number}/code")
    assert answer.location == f"/me/confirmation?next=/orders/{number}"
    awa.post("/me/confirmation", data={"next": f"/orders/{number}"})
    answer = awa.post("/me/confirmation/code", data={"next": f"/orders/{number}", "code": last_code()})
    assert answer.location == f"/orders/{number}"
    answer = awa.post(f"/orders/{number}/code")
    assert "AAA-111" in answer.text and answer.headers["Cache-Control"] == "private, no-store"
    assert "AAA-111" not in awa.get(f"/orders/{number}").text
    again = awa.post(f"/orders/{number}/code")
    assert again.location == f"/me/confirmation?next=/orders/{number}", "once for each fresh code"
    noted = select(AuditEntry.by).where(AuditEntry.act == "order.code_revealed")
    assert list(db.session.scalars(noted)) == ["AWA"]
    marc = app.test_client()
    marc.sign_in(cast.marc)
    assert "AAA-111" not in marc.get(f"/studio/orders/{number}").text


def picture() -> tuple[io.BytesIO, str]:
    out = io.BytesIO()
    Image.new("RGB", (1600, 1200), "#0E6B50").save(out, "JPEG")
    out.seek(0)
    return out, "photo.jpg"


ARTICLE = {
    "code": "SAC", "name": "Sac de plage", "kind": "gift", "cost": "12,50", "price_points": "300", "provider": "manual",
}  # fmt: skip


def test_staff_write_an_article_with_its_picture(app, client, cast):
    client.sign_in(cast.marc)
    answer = client.post("/studio/rewards/new", data=ARTICLE | {"stock": "4", "countries": "FR BE", "photo": picture()})
    assert answer.location == "/studio/rewards/article/SAC"
    reward = db.session.scalars(select(Reward)).one()
    assert (reward.cost_cents, reward.price_points, reward.stock, reward.countries) == (1250, 300, 4, "FR,BE")
    kept = client.get(f"/rewards/pictures/{reward.picture}")
    assert (kept.mimetype, kept.headers["Cache-Control"]) == ("image/webp", "private, max-age=86400")
    with Image.open(io.BytesIO(kept.data)) as opened:
        assert opened.size == (1000, 750)
    first = reward.picture
    left = {"stock": "4", "stock_seen": "4"}
    client.post("/studio/rewards/article/SAC", data=ARTICLE | left | {"name": "Grand sac", "photo": picture()})
    reward = db.session.scalars(select(Reward)).one()
    folder = Path(app.config["SETTINGS"].media_folder) / "rewards"
    assert reward.name == "Grand sac" and reward.picture != first
    assert [file.name for file in folder.iterdir()] == [reward.picture]
    client.post("/studio/rewards/article/SAC", data=ARTICLE | left | {"remove_picture": "y"})
    assert db.session.scalars(select(Reward)).one().picture is None and list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": ""}, {"code": "a b"}, {"name": ""}, {"kind": "car"}, {"cost": "12,345"}, {"price_points": "0"},
        {"stock": "-1"}, {"countries": "France"}, {"starts_on": "2026-02-02", "ends_on": "2026-02-01"},
        {"provider": "nobody"}, {"price_points": "beaucoup"},
    ],
)  # fmt: skip
def test_an_article_that_cannot_be_is_refused_and_nothing_is_written(client, cast, wrong):
    client.sign_in(cast.marc)
    assert client.post("/studio/rewards/new", data=ARTICLE | wrong).status_code == 422
    assert db.session.scalars(select(Reward)).all() == []


def test_a_code_taken_and_a_file_that_is_no_picture_are_refused(client, cast):
    client.sign_in(cast.marc)
    offer("SAC", name="Le premier")
    answer = client.post("/studio/rewards/new", data=ARTICLE)
    assert answer.status_code == 422 and "déjà celui d’un autre article" in answer.text
    answer = client.post("/studio/rewards/new", data=ARTICLE | {"code": "B", "photo": (io.BytesIO(b"x"), "a.jpg")})
    assert answer.status_code == 422
    assert [one.name for one in db.session.scalars(select(Reward))] == ["Le premier"]


def test_an_order_placed_while_staff_write_the_article_still_counts(client, cast):
    offer(stock=5)
    client.sign_in(cast.marc)
    page = client.get("/studio/rewards/article/SAC").text
    seen = {"stock_seen": re.search(r'name="stock_seen" value="(\d*)"', page)[1], "stock": "5"}  # type: ignore[index]
    credit(cast.awa, 100)
    order(cast.awa, fresh(Reward, 1))
    assert client.post("/studio/rewards/article/SAC", data=ARTICLE | seen | {"name": "Grand sac"}).status_code == 302
    assert stock() == 4 and fresh(Reward, 1).name == "Grand sac"
    answer = client.post("/studio/rewards/article/SAC", data=ARTICLE | seen | {"stock": "20"})
    assert answer.status_code == 422 and "il est de 4" in answer.text and stock() == 4
    assert 'name="stock_seen" value="4"' in answer.text and 'value="20"' in answer.text
    client.post("/studio/rewards/article/SAC", data=ARTICLE | {"stock_seen": "4", "stock": "20"})
    assert stock() == 20


def test_an_article_whose_code_came_from_a_file_can_be_written(client, cast):
    offer("Été 2026", name="Sac")
    client.sign_in(cast.marc)
    assert client.post("/studio/rewards/article/Été 2026", data=ARTICLE | {"code": "Été 2026"}).status_code == 302
    assert db.session.scalars(select(Reward)).one().price_points == 300


def test_staff_import_articles_and_codes(client, cast):
    client.sign_in(cast.marc)
    head = "reward,name,kind,cost,price_points,stock,limit_per_person,countries,starts_on,ends_on\n"
    files = {"file": (io.BytesIO(f"{head}BON,Bon,voucher,10,100,5,,,,\n".encode()), "rewards.csv")}
    assert "1 créés" in client.post("/studio/rewards/import", data=files).text
    bad = {"file": (io.BytesIO(f"{head}X,,voucher,10,100,5,,,,\n".encode()), "rewards.csv")}
    assert client.post("/studio/rewards/import", data=bad).status_code == 422
    pool = {"file": (io.BytesIO(b"code\nAAA\nBBB\n"), "codes.csv")}
    assert client.post("/studio/rewards/article/BON/codes", data=pool).status_code == 302
    assert "2 codes libres" in client.get("/studio/rewards/article/BON").text
    again = {"file": (io.BytesIO(b"code\nCCC\nBBB\n"), "codes.csv")}
    answer = client.post("/studio/rewards/article/BON/codes", data=again)
    assert answer.status_code == 422 and "déjà dans la réserve" in answer.text
    assert stock("BON") == 2


def test_the_queue_takes_the_same_statements_however_long(app, awa, cast):
    reward = offer("SAC", price_points=1)
    marc = app.test_client()
    marc.sign_in(cast.marc)
    pages = (("/studio/orders", marc), ("/orders", awa), ("/rewards", awa), ("/rewards?favourites=1", awa))
    for path, browser in (*pages, ("/studio/rewards", marc), ("/studio/rewards?q=s", marc)):
        counts = []
        for more in (1, 12):
            for number in range(more):
                order(cast.awa, reward, token=f"{path}-{more}-{number}")
                offer(f"{path.replace('/', '')}-{more}-{number}")
            counts.append(statements(app, lambda browser=browser, path=path: browser.get(path)))
        assert counts[0] == counts[1], path


def statements(app, act) -> int:
    """How many statements a request sends."""
    seen = []

    def note(*_args):
        seen.append(1)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len(seen)
