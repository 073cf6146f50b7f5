"""The challenges of the demonstration, laid out around its day: past, closing, running, to come."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from string import Template
from zoneinfo import ZoneInfo

from portal.demonstration.content import Content

ZONE = ZoneInfo("Europe/Paris")


@dataclass(frozen=True)
class Plan:
    """A challenge to come to life: `text` is its file, `focus` the categories it is about, `kinds` who plays (empty:
    everybody). `publish_at` None leaves it a draft."""

    code: str
    text: str
    starts_on: date
    ends_on: date
    publish_at: datetime | None
    kinds: tuple[str, ...]
    focus: tuple[str, ...]

    @property
    def steps(self) -> list[datetime]:
        """The instants at which this challenge has something to do: it begins, ends, stops taking sales, closes."""
        days = (self.starts_on, self.ends_on + timedelta(days=1), self.ends_on + timedelta(days=4))
        taken = [datetime.combine(day, time(0, 5), ZONE) for day in days]
        return [*taken, taken[-1] + timedelta(days=1)]


def challenge_plans(content: Content, now: datetime) -> list[Plan]:
    """All challenges, in the order of their start."""
    today = now.astimezone(ZONE).date()

    def monday(days_ago: int) -> date:
        day = today - timedelta(days=days_ago)
        return day - timedelta(days=day.weekday())

    used: set[str] = set()

    def season(file: str, starts_on: date, days: int) -> Plan:
        month = (starts_on + timedelta(days=days // 2)).month
        while f"{month} {(starts_on + timedelta(days=days - 1)).year}" in used:
            month = month % 12 + 1  # two challenges about the same month: the later one looks ahead
        used.add(f"{month} {(starts_on + timedelta(days=days - 1)).year}")
        theme = content.themes[str(month)]
        return plan(
            file, theme["code"], starts_on, days, focus=tuple(theme["focus"]), name=theme["fr"], name_en=theme["en"]
        )

    def plan(
        file: str,
        code: str,
        starts_on: date,
        days: int,
        *,
        kinds: tuple[str, ...] = (),
        focus: tuple[str, ...] = (),
        **words: str,
    ) -> Plan:
        ends_on = starts_on + timedelta(days=days - 1)
        categories = list(dict.fromkeys(product.category for product in content.products))
        ranges = " et ".join(focus)
        values = {
            "code": f"{code}-{ends_on.year}",
            "starts_on": starts_on,
            "ends_on": ends_on,
            "baseline_from": starts_on - timedelta(days=28),
            "baseline_to": starts_on - timedelta(days=1),
            "focus": json.dumps(focus, ensure_ascii=False),
            "others": json.dumps([one for one in categories if one not in focus], ensure_ascii=False),
            "focus_words": f"les gammes {ranges}",
            "focus_words_capital": f"Les gammes {ranges}",
            **words,
        }
        publish_on = min(starts_on - timedelta(days=6), today - timedelta(days=1))
        publish_at = None if file == "draft" else datetime.combine(publish_on, time(9, 30), ZONE)
        text = Template(content.challenges[file]).substitute(values)
        return Plan(str(values["code"]), text, starts_on, ends_on, publish_at, kinds, focus)

    plans = [
        season("season-past", monday(322), 28),
        season("season-leagues", monday(231), 35),
        plan("meetings-past", "cercle", monday(154), 28, kinds=("vdi",)),
        plan("progress-past", "cap-sur-soi", monday(84), 28),
        plan("voices-closing", "voix-des-clients", today - timedelta(days=28), 28),
        season("season-running", today - timedelta(days=17), 31),
        plan("meetings-running", "autour-de-la-table", today - timedelta(days=10), 42, kinds=("vdi",)),
        season("season-upcoming", monday(-12), 28),
        plan("draft", "duel-des-boutiques", monday(-40), 14, kinds=("reseller", "franchisee")),
    ]
    return sorted(plans, key=lambda one: (one.starts_on, one.code))
