"""Who has been overtaken since yesterday is told, once a day at most, and only near the top or the prizes."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from urllib.parse import quote

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import and_, select

from challenges.models import Challenge
from foundation.database import db
from foundation.localisation import LANGUAGES, number
from leaderboards.models import DailyRank
from leaderboards.queries import frozen_day, ranked, yesterday_of
from network.notices import first_time, notify

NEAR_THE_TOP = 10


def last_told_rank(challenge: Challenge) -> int:
    """Down to which rank of yesterday people are told: the last that wins something, and ten at least. A place lost far
    from there concerns nobody, and nobody is shown a "bottom" list."""
    prizes = (payout["to"] for payout in challenge.definition.get("payouts", ()) if payout["kind"] == "rank")
    return max([NEAR_THE_TOP, *prizes])


def tell_overtaken(challenge: Challenge, *, day: date, at: datetime) -> int:
    """Tell those whose rank is worse than at the end of yesterday; `day` is today, for which nobody is told twice in
    any challenge. Answers how many. A frozen board tells nothing, and boards of outlets are nobody's own."""
    if challenge.state != "running" or challenge.ranks != "person" or frozen_day(challenge, at) is not None:
        return 0
    lines = ranked(challenge).c
    fell = db.session.execute(
        select(lines.person_id, DailyRank.rank, lines.rank)
        .join(
            DailyRank,
            and_(
                DailyRank.challenge_id == challenge.id,
                DailyRank.competitor == lines.code,
                DailyRank.day == yesterday_of(challenge, at),
            ),
        )
        .where(DailyRank.rank <= last_told_rank(challenge), lines.rank > DailyRank.rank)
    ).all()
    told = first_time({person_id for person_id, _before, _now in fell}, "overtaken", day)
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for person_id, before, now in fell:
        if person_id in told:
            groups[(before, now)].append(person_id)
    address = f"/challenges/{quote(challenge.code)}/ranking"
    for (before, now), people in groups.items():
        titles, texts = {}, {}
        for language in LANGUAGES:
            with force_locale(language):
                titles[language] = _("%(title)s : vous avez été dépassé", title=challenge.title(language))[:200]
                texts[language] = _(
                    "Hier soir vous étiez %(before)s ; vous êtes maintenant %(now)s.",
                    before=_ordinal(before),
                    now=_ordinal(now),
                )
        notify(people, "overtaken", titles, texts, address, at=at)
    return len(told)


def _ordinal(rank: int) -> str:
    return _("1er") if rank == 1 else _("%(rank)se", rank=number(rank))
