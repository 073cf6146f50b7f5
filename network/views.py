"""Signing in and out, being invited, what is kept about me, how I appear."""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.blueprints import BlueprintSetupState
from flask_babel import gettext as _
from flask_login import current_user, login_user, logout_user, user_loaded_from_cookie
from flask_wtf.csrf import CSRFError
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from foundation import clock, pictures
from foundation.database import db
from foundation.localisation import LANGUAGES
from foundation.pages import htmx
from foundation.settings import Settings
from foundation.transactions import transaction
from foundation.web import FOR_PROGRAMS, limiter, problem, send_picture
from network import (
    confirming,
    faces,
    inbox,
    invitations,
    messages,
    operations,
    pushing,
    queries,
    sign_in,
    studio,
    telling,
)
from network.devices import form_token
from network.forms import CodeForm, EmailForm, ProfileForm, safe_next
from network.labels import labels
from network.models import Person
from network.notices import unread
from network.permissions import requires, to_sign_in
from network.rules import Refused, normal_email

blueprint = Blueprint("network", __name__)

# Asking for a code takes this long whoever is behind the address, so that the wait says nothing.
EVEN_SECONDS = 0.25
YEAR = 365 * 24 * 3600
PICTURE_SIDE = 256
# What someone who has not read the data notice yet may still reach.
BEFORE_NOTICE = frozenset(
    {
        "static",
        "portal.manifest",
        "portal.service_worker",
        "portal.offline",
        "network.notice",
        "network.welcome",
        "network.enter_by_invitation",
        "network.language",
        "network.theme",
        "network.end_session",
        "network.end_every_session",
    }
)


def _settings() -> Settings:
    return current_app.config["SETTINGS"]


@blueprint.record_once
def _know_people(state: BlueprintSetupState) -> None:
    """Tell Flask-Login how to find who is signed in."""
    state.app.login_manager.user_loader(_signed_in_person)  # type: ignore[attr-defined]
    user_loaded_from_cookie.connect(_one_token, state.app)


def _one_token(_app: Flask, user: Person) -> None:
    """A browser that is opened again asks for several things at once, each of which begins the session anew: all of
    them begin the same, or the forms of the first page would be of another session than the last answer's."""
    session.setdefault(current_app.config["WTF_CSRF_FIELD_NAME"], form_token(user, secret=_settings().secret_key))


def _signed_in_person(kept: str) -> Person | None:
    """The active person a session stands for, as long as the person's session key is still the same.

    What waits to be read is counted in the same statement: every page shows it.
    """
    identifier, _dot, _key = kept.partition(".")
    if not identifier.isdecimal() or len(identifier) >= 18:
        return None
    asked = select(Person, unread(Person.id)).where(Person.id == int(identifier))
    person, waiting = db.session.execute(asked).one_or_none() or (None, 0)
    if person is None or not person.is_active or person.get_id() != kept:
        return None
    g.unread_notices = waiting
    return person


@blueprint.app_context_processor
def _page_user() -> dict[str, Any]:
    """Who the menu shows, and how many notices wait for them."""
    if not current_user or not current_user.is_authenticated:
        return {}
    return {
        "page_user": faces.face(current_user),
        "unread_notices": g.get("unread_notices", 0),
        "push_key": telling.push_key(),
    }


@blueprint.before_app_request
def _notice_first() -> AnyResponse | None:
    """Resellers read what is kept about them before anything else."""
    if request.endpoint is None or request.endpoint in BEFORE_NOTICE or request.path.startswith(FOR_PROGRAMS):
        return None
    if not current_user.is_authenticated or current_user.role != "reseller":
        return None
    if current_user.notice_accepted_at is not None:
        return None
    target = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("network.notice", next=safe_next(target)))


@blueprint.app_errorhandler(CSRFError)
def _session_over(error: CSRFError) -> Any:
    """A form sent after the session it was opened in: whoever is no longer signed in signs in and comes back; a page
    that sends by itself is opened anew, with what it has kept."""
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "permission", "public") not in ("public", "machine") and not current_user.is_authenticated:
        return to_sign_in()
    if request.path.startswith(FOR_PROGRAMS):
        return problem(400, "The token is missing or of another session; ask for it again")
    if htmx and current_user.is_authenticated:
        return "", 204, {"HX-Refresh": "true"}
    return render_template("errors/400.html", error=error, another=current_user.is_authenticated), 400


@blueprint.get("/changed")
@requires("public")
def changed() -> AnyResponse | str:
    """Where a page leads whose person is no longer the one who is signed in here."""
    if not current_user.is_authenticated:
        return redirect(url_for("network.sign_in"))
    return render_template("errors/400.html", another=True)


# — signing in —


def _asked_address() -> str:
    return "sign-in:" + sha256(normal_email(request.form.get("email", "")).encode()).hexdigest()


@blueprint.route("/sign-in", methods=["GET", "POST"], endpoint="sign_in")
@requires("public")
@limiter.limit("5 per 15 minutes", key_func=_asked_address, methods=["POST"])
@limiter.limit("40 per 15 minutes", methods=["POST"])
def ask_code() -> AnyResponse | str:
    """Ask for a code by e-mail. The answer is the same whether or not the address is known."""
    target = safe_next(request.values.get("next"))
    if current_user.is_authenticated:
        return redirect(target or "/")
    form = EmailForm(next=target)
    if form.validate_on_submit():
        begun = time.monotonic()
        at, ticket = clock.now(), sign_in.new_ticket()
        with transaction():
            asked = sign_in.request_code(form.email.data or "", ticket, secret=_settings().secret_key, at=at)
            if asked is not None:
                messages.send_code(*asked, at=at)
        session["sign_in"] = {"ticket": ticket, "email": normal_email(form.email.data or ""), "next": target}
        time.sleep(max(0.0, EVEN_SECONDS - (time.monotonic() - begun)))
        return redirect(url_for("network.type_code"))
    people = queries.demonstration_people() if _settings().demonstration else []
    ended = bool(request.args.get("ended"))
    page = render_template("network/sign_in.html", form=form, people=people, face=faces.face, ended=ended)
    answer = make_response(page)
    answer.status_code = 422 if form.errors else 200
    return answer


@blueprint.route("/sign-in/code", methods=["GET", "POST"])
@requires("public")
@limiter.limit("40 per 15 minutes", methods=["POST"])
def type_code() -> AnyResponse | str:
    """Type the code in the session that asked for it."""
    asked = session.get("sign_in")
    if not asked:
        return redirect(url_for("network.sign_in"))
    form = CodeForm()
    if form.validate_on_submit():
        with transaction():
            person = sign_in.use_code(
                asked["ticket"], form.code.data or "", secret=_settings().secret_key, at=clock.now()
            )
        if person is not None:
            return _enter(person, asked.get("next"))
        form.code.errors = [_("Ce code n’est pas le bon, ou il n’est plus valable.")]
    outbox = _settings().outbox_folder if _settings().demonstration and not _settings().mail_url else None
    page = render_template("network/sign_in_code.html", form=form, email=asked["email"], outbox=outbox)
    answer = make_response(page)
    answer.status_code = 422 if form.errors else 200
    return answer


@blueprint.post("/sign-in/demonstration")
@requires("public")
def enter_demonstration() -> AnyResponse:
    """Be one of the demonstration people, in demonstration mode and only there."""
    if not _settings().demonstration:
        abort(404)
    person = queries.person_by_code(request.form.get("person", ""))
    if person is None or not person.is_active:
        abort(404)
    return _enter(person, request.form.get("next"))


def _enter(person: Person, target: str | None) -> AnyResponse:
    """Begin a session: nothing of the visitor's own survives but the language."""
    telling.leave_device(but=person.id)
    language = session.get("language")
    session.clear()
    if language:
        session["language"] = language
    login_user(person, remember=True)
    return redirect(safe_next(target) or "/")


@blueprint.post("/sign-out")
@requires("public")
def end_session() -> AnyResponse:
    """Leave on this device."""
    telling.leave_device()
    _leave()
    return redirect(url_for("network.sign_in"))


@blueprint.post("/sign-out-everywhere")
@requires("signed_in")
def end_every_session() -> AnyResponse:
    """Leave on every device."""
    with transaction():
        operations.sign_out_everywhere(current_user, by=current_user.code, at=clock.now())
        pushing.remove_devices(current_user, by=current_user.code, at=clock.now())
    _leave()
    flash(_("Tous vos appareils sont déconnectés."), "success")
    return redirect(url_for("network.sign_in"))


def _leave() -> None:
    language = session.get("language")
    logout_user()
    forget = session.get("_remember")
    session.clear()
    if forget:
        session["_remember"] = forget
    if language:
        session["language"] = language


@blueprint.post("/language")
@requires("public")
def language() -> AnyResponse:
    """Speak French or English, in this session and, signed in, from now on."""
    chosen = request.form.get("language", "")
    if chosen not in LANGUAGES:
        abort(400)
    session["language"] = chosen
    if current_user.is_authenticated and current_user.language != chosen:
        with transaction():
            operations.choose_language(current_user, chosen, by=current_user.code, at=clock.now())
    return redirect(_back())


@blueprint.post("/theme")
@requires("public")
def theme() -> AnyResponse:
    """Light, dark, or as the device."""
    chosen = request.form.get("theme", "")
    if chosen not in ("auto", "light", "dark"):
        abort(400)
    answer = redirect(_back())
    answer.set_cookie(
        "theme", chosen, max_age=YEAR, samesite="Lax", httponly=True, secure=_settings().base_url.startswith("https:")
    )
    return answer


def _back() -> str:
    """Where a small form was: any address of this site, the sign-in pages included."""
    address = request.form.get("next", "")
    return safe_next(address) or (address if address in _ENTRANCES else "/")


_ENTRANCES = frozenset({"/sign-in", "/sign-in/code", "/welcome"})


# — arriving —


@blueprint.get("/welcome/<token>")
@requires("public")
@limiter.limit("60 per 15 minutes")
def welcome(token: str) -> AnyResponse:
    """The page behind an invitation. Looking at it does not use it: mail readers open links by themselves."""
    person = invitations.invited_person(token, at=clock.now())
    page = render_template("network/welcome.html", person=person, token=token)
    return make_response(page, 200 if person is not None else 410)


@blueprint.post("/welcome/<token>")
@requires("public")
@limiter.limit("60 per 15 minutes")
def enter_by_invitation(token: str) -> AnyResponse:
    """Come in with an invitation, once."""
    with transaction():
        person = invitations.accept_invitation(token, at=clock.now())
    if person is None:
        return make_response(render_template("network/welcome.html", person=None, token=token), 410)
    return _enter(person, None)


@blueprint.route("/welcome", methods=["GET", "POST"])
@requires("signed_in")
def notice() -> AnyResponse | str:
    """What is kept, why, for how long, and one's rights; accepting it opens the rest."""
    target = safe_next(request.values.get("next"))
    if request.method == "POST":
        first = current_user.notice_accepted_at is None
        with transaction():
            operations.accept_notice(current_user, by=current_user.code, at=clock.now())
        return redirect(url_for("network.me", first=1, next=target) if first else target or "/")
    # Until it is read there is nowhere else to go: no menu.
    menu: dict[str, Any] = {} if current_user.notice_accepted_at else {"navigation": []}
    return render_template("network/notice.html", person=current_user, target=target, **menu)


# — me —


@blueprint.route("/me", methods=["GET", "POST"])
@requires("signed_in")
def me() -> AnyResponse | str:
    """My nickname, my picture, my language, and what is kept about me."""
    form = ProfileForm(nickname=current_user.nickname or "", language=current_user.language)
    if form.validate_on_submit() and _keep_profile(form):
        flash(_("C’est enregistré."), "success")
        onwards = safe_next(request.form.get("next")) or "/"
        return redirect(onwards if request.form.get("first") else url_for("network.me"))
    first = bool(request.values.get("first"))
    page = render_template(
        "network/me.html",
        form=form,
        person=current_user,
        face=faces.face(current_user),
        first=first,
        target=safe_next(request.values.get("next")),
        labels=labels(),
        **telling.choices_shown(),
    )
    return make_response(page, 422 if form.errors else 200)


def _keep_profile(form: ProfileForm) -> bool:
    """Keep what the form says; on a refusal put the reason beside its field and keep nothing."""
    by, at = current_user.code, clock.now()
    before = current_user.picture
    after = None if form.remove_picture.data else before
    if form.picture.data:
        try:
            after = pictures.keep_picture(form.picture.data.read(), _faces_folder(), longest=PICTURE_SIDE, square=True)
        except ValueError:
            form.picture.errors = [_("Cette image ne peut pas être lue ; envoyez une photo JPEG, PNG ou WebP.")]
            return False
    try:
        with transaction():
            operations.choose_nickname(current_user, form.nickname.data or "", by=by, at=at)
            operations.choose_language(current_user, form.language.data, by=by, at=at)
            operations.show_picture(current_user, after, by=by, at=at)
    except Refused as refusal:
        form.nickname.errors = [str(refusal)]
        if after != before:
            pictures.discard_picture(_faces_folder(), after)
        return False
    session["language"] = form.language.data
    if after != before:
        pictures.discard_picture(_faces_folder(), before)
    return True


def _faces_folder() -> Path:
    return _settings().media_folder / "people"


@blueprint.get("/people/pictures/<name>")
@requires("signed_in")
def picture(name: str) -> AnyResponse:
    """A picture that somebody shows, by its random name, for whoever takes part."""
    path = pictures.picture_path(_faces_folder(), name)
    if path is None:
        abort(404)
    return send_picture(path, kept_for=86_400)


# — what the programme tells me —

for rule, name, view, methods in (
    ("/me/confirmation", "confirmation", confirming.confirmation, ["GET", "POST"]),
    ("/me/confirmation/code", "confirmation_code", confirming.confirmation_code, ["GET", "POST"]),
    ("/me/address", "address", confirming.address, ["GET", "POST"]),
    ("/me/address/code", "address_code", confirming.address_code, ["GET", "POST"]),
    ("/me/notifications", "choose_notifications", telling.choose, ["POST"]),
    ("/me/devices", "add_device", telling.add_device, ["POST"]),
    ("/me/devices/<int:device_id>/removal", "remove_device", telling.remove_device, ["POST"]),
    ("/notices", "notices", inbox.index, ["GET"]),
    ("/notices/<int:notice_id>", "notice_page", inbox.show, ["GET"]),
    ("/notices/reading", "read_notices", inbox.read_all, ["POST"]),
):
    blueprint.add_url_rule(rule, name, view, methods=methods)

# — the network, for animators —

for rule, view, methods in (
    ("/studio/network/people", studio.people, ["GET"]),
    ("/studio/network/people/<path:code>", studio.person, ["GET"]),
    ("/studio/network/people/<path:code>/suspension", studio.suspend, ["POST"]),
    ("/studio/network/people/<path:code>/reinstatement", studio.reinstate, ["POST"]),
    ("/studio/network/people/<path:code>/invitation", studio.invite, ["POST"]),
    ("/studio/network/outlets", studio.outlets, ["GET"]),
    ("/studio/network/outlets/<path:code>", studio.outlet, ["GET"]),
    ("/studio/network/outlets/<path:code>/sheet", studio.sheet, ["GET"]),
    ("/studio/network/outlets/<path:code>/sheet", studio.print_sheet, ["POST"]),
    ("/studio/network/import", studio.import_file, ["GET", "POST"]),
):
    blueprint.add_url_rule(rule, view_func=view, methods=methods)
