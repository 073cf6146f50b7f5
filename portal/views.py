"""The menu of every page, how templates write numbers and dates, and the addresses of the homes."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, request
from flask_babel import gettext as _
from flask_login import current_user

from foundation import localisation
from network.permissions import may
from portal import announcing, following, homes, installing, studio

blueprint = Blueprint("portal", __name__)

for name in ("number", "euros", "points", "day", "short_day", "moment"):
    blueprint.add_app_template_filter(getattr(localisation, name), name)


blueprint.app_context_processor(installing.page_context)
blueprint.before_app_request(installing.fetched_ahead)
blueprint.after_app_request(installing.name_person)


# --- the menu --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Link:
    """An entry of the menu."""

    label: str
    href: str
    icon: str
    current: bool = False
    primary: bool = False


@blueprint.app_context_processor
def _menu() -> dict[str, list[Link]]:
    """`navigation`, by role, and `account_links`, a person's own pages."""
    if not current_user or not current_user.is_authenticated:
        return {"navigation": [], "account_links": []}
    if current_user.role == "reseller":
        main = [
            _link(_("Accueil"), "/", "home"),
            _link(_("Challenges"), "/challenges", "trophy"),
            _link(_("Déclarer"), "/declare", "plus", primary=True),
            _link(_("Classement"), "/ranking", "chart"),
            _link(_("Cadeaux"), "/rewards", "gift"),
        ]
        own = [
            _link(_("Mes ventes"), "/declarations", "list"),
            _link(_("Mes points"), "/points", "wallet"),
            _link(_("Mes commandes"), "/orders", "package"),
            _link(_("Mes badges"), "/badges", "medal"),
            _link(_("Mon miroir"), "/mirror", "scale"),
        ]
        return {"navigation": main, "account_links": own}
    challenges = _link(_("Challenges"), "/challenges", "trophy")
    rankings = _link(_("Classements"), "/ranking", "medal")
    insight = _link(_("Insight"), "/insights", "chart")
    accounts = [
        _link(_("Relevé des points"), "/studio/points/statement", "wallet"),
        _link(_("Avantages de l’année"), "/insights/statement", "list"),
    ]
    if not may(current_user, "see_accounts"):
        accounts = []
    if not may(current_user, "animate"):
        main = [_link(_("Accueil"), "/", "home"), challenges, insight]
        return {"navigation": main, "account_links": [rankings, *accounts]}
    main = [
        _link(_("Accueil"), "/", "home"),
        _link(_("Studio"), "/studio", "flag"),
        _link(_("Vérifier"), "/review", "check-circle"),
        _link(_("Réseau"), "/studio/network/people", "users"),
        insight,
    ]
    own = [
        challenges,
        rankings,
        _link(_("Commandes"), "/studio/orders", "package"),
        _link(_("Catalogue de cadeaux"), "/studio/rewards", "gift"),
        _link(_("Bonus et corrections"), "/studio/points/adjustments", "check-circle"),
        *accounts,
    ]
    return {"navigation": main, "account_links": own}


def _link(label: str, href: str, icon: str, *, primary: bool = False) -> Link:
    return Link(label, href, icon, _section() == href, primary)


def _section() -> str:
    """The entry of the menu under which the present page is."""
    path = request.path
    if path.endswith("/ranking"):
        return "/ranking"
    if path.startswith("/studio/network"):
        return "/studio/network/people"
    for section in ("/studio/orders", "/studio/rewards"):
        if path.startswith(section):
            return section
    if path.startswith("/studio/points"):
        return path
    return "/" + path.split("/", 2)[1]


# --- the homes -------------------------------------------------------------------------------------------------------

for rule, view, methods in (
    ("/", homes.home, ["GET"]),
    ("/challenges/<code>/progress", homes.progress, ["GET"]),
):
    blueprint.add_url_rule(rule, view_func=view, methods=methods)

# --- the application on a phone --------------------------------------------------------------------------------------

for rule, view in (
    ("/manifest.webmanifest", installing.manifest),
    ("/service-worker.js", installing.service_worker),
):
    blueprint.add_url_rule(rule, view_func=view, methods=["GET"])
for what, way in installing.WITHOUT_NETWORK.items():
    blueprint.add_url_rule(
        f"/offline/<language>{way}", view_func=installing.offline, methods=["GET"], defaults={"what": what}
    )

# --- the studio: the list, and one challenge followed ----------------------------------------------------------------

for rule, name, view, methods in (
    ("/studio", "studio", studio.index, ["GET"]),
    ("/studio/<code>", "dashboard", following.dashboard, ["GET"]),
    ("/studio/<code>/silent", "silent", following.silent, ["GET"]),
    ("/studio/<code>/history", "history", following.history, ["GET"]),
    ("/studio/<code>/announcements", "announcements", announcing.announcements, ["GET", "POST"]),
):
    blueprint.add_url_rule(rule, name, view, methods=methods)
