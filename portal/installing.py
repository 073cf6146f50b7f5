"""The product as an application on a phone: its manifest, its service worker, and what is said without network.

The service worker keeps the pages that KEEPS names, under the opaque key of their person, and forgets them when that
person leaves: docs/offline.md.
"""

from __future__ import annotations

import json
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

from flask import Response, abort, current_app, g, make_response, render_template, request, url_for
from flask_babel import force_locale, format_datetime
from flask_babel import gettext as _
from flask_login import current_user

from foundation import clock
from foundation.localisation import LANGUAGES
from foundation.pages import htmx
from foundation.web import problem
from network.devices import PERSON, person_key
from network.permissions import requires

# The pages that open without network, from their last state.
KEEPS = frozenset(
    {
        "portal.home",
        "declarations.declare",
        "declarations.meeting",
        "declarations.declarations",
        "leaderboards.ranking",
    }
)
# Those that a phone fetches by itself after a sign-in, so that they are there before they are needed.
FIRST = ("/", "/declare", "/declare/meeting", "/declarations", "/ranking")
# What every page needs, beside its own words; kept with the service worker.
SHELL = (
    "palmares.css", "vendor/htmx.min.js", "js/app.js", "js/declare.js", "js/photo.js", "js/scan.js",
    "outbox.js", "outbox-pages.js", "outbox-meeting.js", "icons.svg", "mark.svg",
)  # fmt: skip
FONTS = ("fonts/figtree.woff2", "fonts/bricolage-grotesque.woff2")
# What is said without network, by the end of its address: a page was not kept; the network failed while a form was
# sent; nobody is signed in on this phone.
WITHOUT_NETWORK = {"page": "", "sent": "/sent", "left": "/left"}
FONTS_VERSION = "5.3.0-4"
PAPER = "#FBF7F0"


# — what pages say about themselves ——————————————————————————————————————————————————————————————————————————————————


def page_context() -> dict[str, Any]:
    """`page_person`: whose page it is, as a phone may know it ("none": nobody's); `page_state`: when a page that is
    kept was made, in words, while there is no network and once the server is in reach again."""
    person = current_user if current_user and current_user.is_authenticated else None
    context: dict[str, Any] = {"page_person": _key(person) if person else "none", "page_state": ()}
    if person is not None and _keeps():
        local = clock.now().astimezone(current_app.config["TIMEZONE"])
        day, time = (format_datetime(local, form, rebase=False) for form in ("d MMM", "HH:mm"))
        context["page_state"] = (
            _("Hors ligne · état du %(day)s à %(time)s", day=day, time=time),
            _("État du %(day)s à %(time)s", day=day, time=time),
        )
    return context


def fetched_ahead() -> Response | None:
    """Refuse a page that a phone fetches ahead for somebody who is not, or no longer, signed in: being sent to the
    sign-in page would use up what it was to say."""
    whose = request.headers.get(PERSON)
    if whose is None or not (request.path in FIRST or request.endpoint in KEEPS):
        return None
    if current_user.is_authenticated and whose == _key(current_user):
        return None
    return problem(403, "This page was asked for another person")


def name_person(response: Response) -> Response:
    """Tell the service worker whose page this is, and whether it may be kept."""
    person = g.get("_login_user")
    if person is None or response.mimetype != "text/html" or response.status_code != 200:
        return response
    if request.endpoint in ("portal.offline", "static"):
        return response
    response.headers[PERSON] = _key(person) if person.is_authenticated else "none"
    if person.is_authenticated and _keeps():
        response.headers["Palmares-Keep"] = "yes"
    return response


def _keeps() -> bool:
    return (
        current_user.role == "reseller"
        and request.method == "GET"
        and request.endpoint in KEEPS
        and not request.args
        and not htmx
    )


def _key(person: Any) -> str:
    return person_key(person, secret=current_app.config["SECRET_KEY"])


# — the application —————————————————————————————————————————————————————————————————————————————————————————————————


@requires("public")
def manifest() -> Response:
    """What the application is called and looks like on a phone; `?language=` chooses the words."""
    asked = request.args.get("language", "fr")
    asset_url = current_app.jinja_env.globals["asset_url"]
    with force_locale(asked if asked in LANGUAGES else "fr"):
        told = {
            "id": "/",
            "name": "Palmarès",
            "short_name": "Palmarès",
            "description": _("Déclarez vos ventes, voyez vos points et pourquoi, montez au classement."),
            "lang": _("fr"),
            "dir": "ltr",
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "orientation": "any",
            "background_color": PAPER,
            "theme_color": PAPER,
            "icons": [
                {"src": asset_url(f"icons/{name}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": use}
                for name, size, use in (
                    ("icon-192", 192, "any"),
                    ("icon-512", 512, "any"),
                    ("maskable-192", 192, "maskable"),
                    ("maskable-512", 512, "maskable"),
                )
            ],
            "shortcuts": [
                {"name": label, "url": url, "icons": [{"src": asset_url("icons/icon-192.png"), "sizes": "192x192"}]}
                for label, url in (
                    (_("Déclarer une vente"), "/declare"),
                    (_("Mes ventes"), "/declarations"),
                    (_("Classement"), "/ranking"),
                )
            ],
        }
    answer = make_response(json.dumps(told, ensure_ascii=False))
    answer.headers["Content-Type"] = "application/manifest+json"
    answer.headers["Cache-Control"] = "public, max-age=3600"
    return answer


@requires("public")
def service_worker() -> Response:
    """The service worker: the list of what it keeps, as of now, then what it does and how it shows pushes. Never
    cached, so that a new version is found at once."""
    asset_url = current_app.jinja_env.globals["asset_url"]
    static = Path(current_app.static_folder or "")
    files = [{"url": asset_url(name), "revision": None} for name in SHELL if (static / name).is_file()]
    files += [{"url": url_for("static", filename=name, v=FONTS_VERSION), "revision": None} for name in FONTS]
    for language, what in product(LANGUAGES, WITHOUT_NETWORK):
        revision = sha256(_offline_page(language, what).encode()).hexdigest()[:10]
        files.append({"url": url_for("portal.offline", language=language, what=what), "revision": revision})
    told = {"files": files, "first": FIRST, "languages": list(LANGUAGES)}
    parts = ", ".join(json.dumps(asset_url(name)) for name in ("service-worker.js", "js/push-events.js"))
    script = f"self.SHELL = {json.dumps(told)};\nimportScripts({parts});\n"
    answer = make_response(script)
    answer.headers["Content-Type"] = "text/javascript; charset=utf-8"
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@requires("public")
def offline(language: str, what: str) -> Response:
    """What is said without network (`what`, of WITHOUT_NETWORK): the same for everybody."""
    if language not in LANGUAGES:
        abort(404)
    answer = make_response(_offline_page(language, what))
    answer.headers["Cache-Control"] = "no-cache"
    return answer


def _offline_page(language: str, what: str) -> str:
    with force_locale(language):
        return render_template("portal/offline.html", for_anybody=True, what=what)
