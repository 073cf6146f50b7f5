"""Writing to a part of a challenge's people: whom, what, a look at it, and off it goes, once."""

from __future__ import annotations

from datetime import datetime

from flask import abort, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from challenges.announcements import MOST_A_DAY, TOLD_STATES, announce, check, left_today, letter, sent_to
from challenges.models import Announcement, Challenge
from challenges.queries import challenge_by_code
from declarations import participation
from declarations.participation import SEGMENTS
from foundation import clock
from foundation.localisation import language, moment, number
from foundation.mail import outside_quiet_hours
from foundation.pages import Paged, page_number, paged
from foundation.transactions import transaction
from network.permissions import requires
from network.queries import names_of
from network.rules import Refused
from portal.forms import AnnouncementForm
from portal.wording import segment_in_words, step_in_words


@requires("animate")
def announcements(code: str) -> AnyResponse | str:
    """Write a message, look at it, send it; and what was sent before."""
    challenge = challenge_by_code(code)
    if challenge is None or challenge.state == "draft":
        abort(404)
    at = clock.now()
    step = participation.first_step(challenge)
    sizes = participation.segment_sizes(challenge, step)
    words = step_in_words(step)
    form = AnnouncementForm(
        segments=[(name, segment_in_words(name, words)) for name in SEGMENTS], segment=request.args.get("segment")
    )
    act = request.form.get("act", "look")
    if request.method == "GET" or act == "change":
        return _form_page(challenge, form, sizes, at)
    if not form.validate():
        return make_response(_form_page(challenge, form, sizes, at), 422)
    assert form.subject.data and form.text.data
    size = sizes[form.segment.data]
    try:
        if act != "send":
            check(challenge, form.subject.data, form.text.data, size.people, at=at)
            return _look(challenge, form, size, segment_in_words(form.segment.data, words), at)
        with transaction():
            again = challenge_by_code(code)
            assert again is not None
            sent = announce(
                again,
                form.segment.data,
                participation.segment(again, form.segment.data),
                form.subject.data,
                form.text.data,
                seen=form.known,
                by=current_user.code,
                at=at,
            )
            people = sent.people
    except Refused as refusal:
        form.form_errors = [str(refusal)]
        return make_response(_form_page(challenge_by_code(code) or abort(404), form, sizes, at), 409)
    flash(
        ngettext("Message envoyé à %(n)s personne.", "Message envoyé à %(n)s personnes.", people, n=number(people)),
        "success",
    )
    return redirect(url_for("portal.announcements", code=code))


def _look(challenge: Challenge, form: AnnouncementForm, size: participation.Size, segment: str, at: datetime) -> str:
    """The message as it will be read, before it leaves."""
    return render_template(
        "portal/announcement.html",
        challenge=challenge,
        title=challenge.title(language()),
        form=form,
        size=size,
        segment=segment,
        letter=letter(challenge, form.text.data or "", current_user.name, language()),
        leaves=_leaves(at),
    )


def _form_page(challenge: Challenge, form: AnnouncementForm, sizes: dict[str, participation.Size], at: datetime) -> str:
    page: Paged[Announcement] = paged(sent_to(challenge), page_number(), size=10)
    form.seen.data = str(page.total)
    return render_template(
        "portal/announcements.html",
        challenge=challenge,
        title=challenge.title(language()),
        form=form,
        sizes=sizes,
        page=page,
        names=names_of({one.sent_by for one in page.rows}),
        segment_in_words=segment_in_words,
        left=left_today(challenge, at=at),
        most=MOST_A_DAY,
        may_write=challenge.state in TOLD_STATES,
        leaves=_leaves(at),
    )


def _leaves(at: datetime) -> str | None:
    """When a mail written at `at` leaves; None when that is at once."""
    leaves = outside_quiet_hours(at, current_app.config["TIMEZONE"])
    return None if leaves == at else moment(leaves)
