"""The product as an application on a phone: its manifest, its service worker, the pages it may keep."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from portal.installing import FIRST, FONTS_VERSION
from scripts import fingerprint

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "static"


def test_the_application_can_be_installed_in_either_language(client):
    for language, word in (("fr", "Déclarez vos ventes"), ("en", "Declare your sales")):
        answer = client.get(f"/manifest.webmanifest?language={language}")
        assert answer.mimetype == "application/manifest+json"
        told = json.loads(answer.data)
        assert told["lang"] == language and told["description"].startswith(word)
        assert told["start_url"] == "/" and told["scope"] == "/" and told["display"] == "standalone"
        assert "/declare" in [one["url"] for one in told["shortcuts"]]
        for icon in told["icons"]:
            picture = Image.open(BytesIO(client.get(icon["src"]).data))
            assert f"{picture.width}x{picture.height}" == icon["sizes"]
        assert {icon["purpose"] for icon in told["icons"]} == {"any", "maskable"}


def test_every_page_leads_to_the_manifest_of_its_language(client, cast):
    client.sign_in(cast.awa)
    page = client.get("/").text
    [address] = re.findall(r'<link rel="manifest" href="([^"]+)"', page)
    assert json.loads(client.get(address).data)["lang"] == "fr"
    assert 'rel="apple-touch-icon"' in page


def shell(client) -> dict:
    """What the service worker keeps."""
    script = client.get("/service-worker.js").text
    return json.loads(re.findall(r"^self\.SHELL = (.*);$", script, flags=re.M)[0])


def test_the_service_worker_is_at_the_root_is_never_cached_and_everything_it_keeps_is_there(client):
    answer = client.get("/service-worker.js")
    assert answer.mimetype == "text/javascript" and answer.headers["Cache-Control"] == "no-cache"
    policy = answer.headers["Content-Security-Policy"]
    assert "worker-src 'self'" in policy and "manifest-src 'self'" in policy
    [imported] = re.findall(r"importScripts\((.+)\)", answer.text)
    parts = json.loads(f"[{imported}]")
    assert [part.split("?")[0] for part in parts] == ["/static/service-worker.js", "/static/js/push-events.js"]
    for part in parts:
        assert client.get(part).status_code == 200, part
    files = [one["url"] for one in shell(client)["files"]]
    assert any("palmares.css" in one for one in files) and any("outbox.js" in one for one in files)
    for address in files:
        assert client.get(address).status_code == 200, address
    assert f"?v={FONTS_VERSION}" in (STATIC / "palmares.css").read_text(), "the fonts are those of the stylesheet"


def test_what_is_said_without_network_is_the_same_for_everybody(client, cast):
    nobodys = client.get("/offline/fr").text
    client.sign_in(cast.awa)
    assert client.get("/offline/fr").text == nobodys
    assert "csrf" not in nobodys and "data-person" not in nobodys and "Awa" not in nobodys
    assert "No network" in client.get("/offline/en").text
    assert client.get("/offline/xx").status_code == 404


def test_what_was_cut_off_while_it_was_sent_is_not_said_to_be_safe(client, cast):
    kept = [one["url"] for one in shell(client)["files"]]
    for language, safe, unsure in (
        ("fr", "Rien n’a été perdu", "nous ne savons pas si cela est arrivé"),
        ("en", "Nothing was lost", "we do not know whether it arrived"),
    ):
        page, sent = (client.get(f"/offline/{language}{way}").text for way in ("", "/sent"))
        assert safe in page and unsure not in page
        assert unsure in sent and safe not in sent
        assert {f"/offline/{language}", f"/offline/{language}/sent"} <= set(kept)


def test_somebody_who_left_without_network_reads_how_to_come_back_and_what_stays(client, cast):
    page = client.get("/offline/fr/left").text
    assert "Pour vous reconnecter, il faut du réseau." in page and 'href="/sign-in"' in page
    assert "reste fermé sur ce téléphone" in page and "s’ouvrent l’accueil" not in page
    assert "/offline/en/left" in [one["url"] for one in shell(client)["files"]]


def test_only_the_pages_that_open_without_network_may_be_kept_and_each_names_its_person(client, cast, app):
    nobodys = client.get("/sign-in")
    assert nobodys.headers["Palmares-Person"] == "none" and "Palmares-Keep" not in nobodys.headers
    client.sign_in(cast.awa)
    awas = client.get("/outbox/session").json["person"]
    for path in (path for path in FIRST if path != "/ranking"):
        answer = client.get(path)
        assert (answer.headers["Palmares-Person"], answer.headers["Palmares-Keep"]) == (awas, "yes")
        assert f'data-person="{awas}"' in answer.text and "Hors ligne · état du" in answer.text
    for path in ("/challenges", "/points", "/declarations?status=accepted", "/me"):
        answer = client.get(path)
        assert answer.headers["Palmares-Person"] == awas and "Palmares-Keep" not in answer.headers
    client.sign_in(cast.chloe)
    assert client.get("/").headers["Palmares-Person"] not in (awas, "none")
    client.sign_in(cast.marc)
    assert "Palmares-Keep" not in client.get("/").headers


def test_a_page_fetched_ahead_reads_no_message_and_is_for_nobody_but_its_person(client, cast):
    client.sign_in(cast.awa)
    awas = {"Palmares-Person": client.get("/outbox/session").json["person"]}
    client.post("/sign-out-everywhere")
    for path in FIRST:
        refused = client.get(path, headers=awas)
        assert refused.status_code == 403 and refused.mimetype == "application/problem+json"
    assert "Tous vos appareils sont déconnectés." in client.get("/sign-in").text, "it waited for the screen"

    client.sign_in(cast.chloe)
    assert client.get("/declarations", headers=awas).status_code == 403
    client.sign_in(cast.awa)
    client.post("/me/notifications", data={"kinds": ["rules"]})
    ahead = client.get("/declarations", headers=awas)
    assert ahead.status_code == 200 and ahead.headers["Palmares-Keep"] == "yes" and 'class="flashes"' not in ahead.text
    assert 'class="flashes"' in client.get("/declarations").text


def test_what_a_phone_asked_before_its_person_left_everywhere_does_not_bring_the_session_back(app, cast):
    """It is answered between the press and the page that says so: that page has its message all the same."""
    settings = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(settings, demonstration=True)
    phone, late = app.test_client(), app.test_client()
    phone.post("/sign-in/demonstration", data={"person": cast.awa.code})
    asked = {"Palmares-Person": phone.get("/outbox/session").json["person"]}
    for name in ("session", "remember_token"):
        late.set_cookie(name, phone.get_cookie(name).value)

    assert late.get("/", headers=asked).status_code == 200
    phone.post("/sign-out-everywhere")
    for path, status in (("/", 403), ("/outbox/products", 401), ("/outbox/session", 401)):
        refused = late.get(path, headers=asked)
        assert (refused.status_code, refused.headers.get("Set-Cookie")) == (status, None), path
    part = late.get("/points/year", headers={"HX-Request": "true"})
    assert part.headers["HX-Redirect"].startswith("/sign-in?") and "Set-Cookie" not in part.headers
    # what the browser itself asks for, and another window
    for path in ("/service-worker.js", "/offline/fr", "/people/pictures/one", "/notices", "/sign-in"):
        assert "Set-Cookie" not in late.get(path).headers, path
    assert "Tous vos appareils sont déconnectés." in phone.get("/sign-in").text


def test_a_browser_that_is_opened_again_has_one_session_whatever_is_answered_last(app, cast):
    """Its pages, the worker and the outbox ask at the same moment, with nothing but the cookie that remembers."""
    settings = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(settings, demonstration=True)
    phone = app.test_client()
    phone.post("/sign-in/demonstration", data={"person": cast.awa.code})
    remembered = phone.get_cookie("remember_token").value
    app.config["WTF_CSRF_ENABLED"] = True

    def asked(path: str) -> tuple[str, str]:
        """What a browser gets that has only just been opened: the page, and its session."""
        browser = app.test_client()
        browser.set_cookie("remember_token", remembered)
        return browser.get(path).text, browser.get_cookie("session").value

    page, _ = asked("/me")
    [token] = set(re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page))
    for path in ("/service-worker.js", "/outbox/session", "/declare"):
        _, late = asked(path)
        phone.set_cookie("session", late)
        assert phone.post("/theme", data={"theme": "dark", "csrf_token": token}).status_code == 302, path


@pytest.mark.any_engine
def test_the_scripts_were_compiled_from_the_present_sources():
    for script in fingerprint.MADE:
        assert fingerprint.stamped(script) == fingerprint.fingerprint(), "run `make scripts` and commit static/"


def test_all_the_scripts_of_a_page_weigh_little(client, cast):
    client.sign_in(cast.awa)
    for path in ("/", "/declare", "/declare/meeting", "/declarations"):
        scripts = re.findall(r'<script src="/static/([^"?]+)', client.get(path).text)
        weight = sum(len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in scripts)
        assert len(scripts) >= 3 and weight <= 45_000, (path, weight)


@pytest.mark.any_engine
def test_the_locked_versions_name_no_host():
    assert "://" not in (ROOT / "scripts" / "package-lock.json").read_text()
