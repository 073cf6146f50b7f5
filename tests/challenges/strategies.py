"""Challenges of every shape that can be played, for property tests."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from foundation import clock

CHANNELS = ("store", "online", "face_to_face", "meeting", "reorder")
ZONES = ("Europe/Paris", "America/New_York", "Indian/Reunion", "Asia/Tokyo")
codes = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12).map(lambda text: "c" + text)
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(str.strip)
amounts = st.integers(1, 1_000)


def _some(values: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    """One value, or a list of some: both may be written."""
    lists = st.lists(st.sampled_from(values), min_size=1, max_size=len(values), unique=True)
    return st.one_of(st.sampled_from(values), lists)


def _optional(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


filters = _optional(
    {},
    {
        "skus": st.lists(texts, min_size=1, max_size=3),
        "categories": st.lists(texts, min_size=1, max_size=3),
        "families": texts,
        "channels": _some(CHANNELS),
        "customer": _some(("new", "returning")),
        "min_units": amounts,
    },
)
caps = st.fixed_dictionaries({"points": amounts, "per": st.sampled_from(("declaration", "day", "challenge"))})
_capped: dict[str, Any] = {"when": filters, "cap": caps}


def _rule(counts: str, required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return _optional({"counts": st.just(counts), **required}, optional)


plain_rules = st.one_of(
    _rule("units", {"points": amounts}, _capped | {"per": amounts}),
    _rule("value", {"points": amounts}, _capped | {"per": amounts}),
    _rule("declaration", {"points": amounts}, _capped),
    _rule("feedback", {"points": amounts}, _capped | {"min_comment": st.integers(0, 200)}),
    _rule("profile", {"points": amounts}, _capped),
)
boosts = _rule("boost", {"factor": st.sampled_from(("2", "2.5", "3.25", 4))}, {"cap": caps})
milestones = st.one_of(
    _rule(
        "milestone",
        {"measure": st.sampled_from(("units", "value", "declarations")), "at": amounts, "points": amounts},
        {"when": filters},
    ),
    # Within reach whatever the caps are.
    _rule("milestone", {"measure": st.just("points"), "at": st.just(1), "points": amounts}, {}),
)
prizes = st.one_of(
    st.fixed_dictionaries({"wallet": amounts}), st.fixed_dictionaries({"reward": st.sampled_from(("spa", "bon"))})
)


def _payout(required: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda one, prize: one | prize, st.fixed_dictionaries(required), prizes)


payouts = st.one_of(
    _payout({"kind": st.just("threshold"), "points": amounts}),
    _payout({"kind": st.just("race"), "points": amounts, "first": amounts}),
    _payout({"kind": st.just("draw"), "winners": amounts, "tickets_per": amounts}),
    st.fixed_dictionaries({"kind": st.just("convert"), "every": amounts, "into": amounts}),
)


def _baselines(repeat: str | None) -> st.SearchStrategy[dict[str, Any]]:
    """A window of the year before; a monthly challenge moves it, so that its days are those every month has."""
    last = st.dates(date(2023, 1, 2), date(2023, 12, 31))
    return _optional(
        {
            "from": st.just(date(2023, 1, 2)),
            "to": last.map(lambda day: day.replace(day=min(day.day, 27))) if repeat == "monthly" else last,
        },
        {"factor": st.sampled_from(("1", "1.10", "0.5", 2)), "at_least": amounts},
    )


@st.composite
def _dated(draw: st.DrawFn, rule: dict[str, Any], starts_on: date, ends_on: date) -> dict[str, Any]:
    """A rule that may look only at a part of the challenge, its first day included."""
    if "when" not in rule:
        return rule
    when = _optional(
        {},
        {
            "weekdays": _some((starts_on.isoweekday(), starts_on.isoweekday() % 7 + 1)).filter(
                lambda days: starts_on.isoweekday() in (days if isinstance(days, list) else [days])
            ),
            "from": st.just(starts_on),
            "to": st.dates(starts_on, ends_on),
        },
    )
    return rule | {"when": rule["when"] | draw(when)}


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """The plain values of a valid challenge, as a file or a form would give them."""
    zone = draw(st.sampled_from(ZONES))
    starts_on = date(2024, 1, 1) + timedelta(days=draw(st.integers(0, 900)))
    repeat = draw(st.sampled_from((None, None, "weekly", "monthly")))
    if repeat == "monthly":
        # Every month has these days.
        starts_on = starts_on.replace(day=draw(st.integers(1, 27)))
    longest = {None: 400, "weekly": 6, "monthly": 27 - starts_on.day}[repeat]
    ends_on = starts_on + timedelta(days=draw(st.integers(0, longest)))
    rules = draw(st.lists(plain_rules, min_size=1, max_size=4))
    rules += draw(st.lists(st.one_of(boosts, milestones), max_size=3))
    data: dict[str, Any] = {
        "code": draw(codes),
        "name": draw(texts),
        "timezone": zone,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "rules": [draw(_dated(rule, starts_on, ends_on)) | {"id": f"r{number}"} for number, rule in enumerate(rules)],
    }
    plain = [rule["id"] for rule in data["rules"] if rule["counts"] not in ("boost", "milestone")]
    for rule in data["rules"]:
        if rule["counts"] == "boost" and draw(st.booleans()):
            rule["of"] = draw(_some(tuple(plain)))
    if repeat is not None:
        data["repeat"] = repeat
        if draw(st.booleans()):
            data["repeat_until"] = starts_on + timedelta(days=draw(st.integers(0, 800)))
    midnight = clock.start_of_day(clock.days_after(ends_on, 1), ZoneInfo(zone)).astimezone(ZoneInfo(zone))
    if draw(st.booleans()):
        data["declare_until"] = midnight + timedelta(minutes=draw(st.integers(0, 10_000)))
        data["review_until"] = data["declare_until"] + timedelta(minutes=draw(st.integers(0, 10_000)))
    if draw(st.booleans()):
        data["objective"] = draw(
            _optional(
                {"measure": st.sampled_from(("units", "value", "declarations"))},
                {"default": amounts, "baseline": _baselines(repeat)},
            )
        )
        data["rank_by"] = draw(st.sampled_from(("points", "progress")))
    data |= draw(
        _optional(
            {},
            {
                "description": texts,
                "ranks": st.sampled_from(("person", "outlet")),
                "tie_break": st.sampled_from(("earliest", "shared")),
                "league_by": st.sampled_from(("kind", "region", "potential")),
                "pending_at_close": st.sampled_from(("wait", "accept", "reject")),
                "proof": st.sampled_from(("none", "optional", "required")),
                "acceptance": st.sampled_from(("none", "required")),
                "budget": st.integers(0, 10_000),
                "budget_policy": st.sampled_from(("stop", "pro_rata")),
                "cap_per_day": amounts,
                "cap_total": st.integers(1_000_000, 2_000_000),
                "picture": st.sampled_from(("hiver.jpg", "Été 2026.png")),
                "freeze_board_on": st.just(starts_on),
                "en": _optional({}, {"name": texts, "description": texts}),
                "audience": _optional(
                    {},
                    {
                        "kinds": _some(("distributor", "reseller", "franchisee", "vdi")),
                        "regions": st.lists(texts, min_size=1, max_size=3),
                        "countries": st.just("FR"),
                        "brands": _some(("single", "multi")),
                        "activity": _some(("low", "medium", "high")),
                        "potential": _some(("low", "medium", "high")),
                        "departments": st.just(["29", "35"]),
                        "outlets": st.lists(texts, min_size=1, max_size=3),
                    },
                ),
                "payouts": st.lists(payouts, max_size=3),
            },
        )
    )
    if "objective" in data and draw(st.booleans()):
        data["payouts"] = [*data.get("payouts", []), draw(_payout({"kind": st.just("objective")}))]
    if draw(st.booleans()):
        data["payouts"] = [
            *data.get("payouts", []),
            {"kind": "rank", "from": 1, "to": draw(st.integers(1, 3)), "wallet": 5},
            {"kind": "rank", "from": 4, "to": 9, "reward": "spa"},
        ]
    if data.get("ranks") == "outlet":
        # An outlet has no wallet: it wins articles only.
        data["payouts"] = [
            one if one["kind"] == "convert" or "reward" in one else _with_article(one)
            for one in data.get("payouts", [])
        ]
        if not data["payouts"]:
            del data["payouts"]
    return data


def _with_article(payout: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in payout.items() if key != "wallet"} | {"reward": "spa"}
