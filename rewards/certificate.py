"""The certificate of a closing: what anyone needs to check it."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy import case, func, select

from challenges.models import Challenge, Draw, Participant, RulesVersion
from declarations.models import CountedDeclaration
from foundation import clock
from foundation.database import db
from foundation.programme import setting
from leaderboards.models import FinalStanding
from network.models import Outlet, Person
from points.models import Adjustment, AdjustmentDecision
from rewards.models import PROMISED, Award, Closure


def certificate(challenge: Challenge, hashed: str, *, by: str, at: datetime) -> dict[str, Any]:
    """What anyone needs to check a closing: rules, period, counts, hash of the standings, payouts, who and when."""
    definition = challenge.definition
    paid = _paid(challenge)
    versions = db.session.execute(
        select(RulesVersion.number, RulesVersion.hash, RulesVersion.starts_on)
        .where(RulesVersion.challenge_id == challenge.id)
        .order_by(RulesVersion.number)
    )
    return {
        "challenge": challenge.code,
        "name": definition.get("name"),
        "rules": [
            {"version": row.number, "hash": row.hash, "starts_on": row.starts_on.isoformat()} for row in versions
        ],
        "period": {
            "starts_on": challenge.starts_on.isoformat(),
            "ends_on": challenge.ends_on.isoformat(),
            "timezone": challenge.timezone,
            "declare_until": clock.format_instant(challenge.declare_until),
            "review_until": clock.format_instant(challenge.review_until),
        },
        "ranking": {
            "ranks": challenge.ranks, "rank_by": challenge.rank_by, "tie_break": challenge.tie_break,
            "league_by": definition.get("league_by"),
        },
        "counts": _counts(challenge),
        "standings_hash": hashed,
        "payouts": paid,
        "exclusions": _exclusions(challenge),
        "ties": _ties(challenge),
        "draw_seed": db.session.scalar(select(Draw.seed).where(Draw.challenge_id == challenge.id)),
        "budget": {
            "euros": definition.get("budget"),
            "policy": definition.get("budget_policy", "stop"),
            "spent_cents": sum(line["cost_cents"] for line in paid),
            "wallet_point_cents": int(setting("wallet_point_cents")),
        },
        "pending_at_close": definition.get("pending_at_close", "wait"),
        "closed_by": by,
        "closed_at": clock.format_instant(at),
    }  # fmt: skip


def told_certificate(closure: Closure, reader: Person) -> bytes:
    """A certificate as read, the same bytes each time: of those who were left out, whose awards are held or passed the
    yearly cap, participants read how many, staff whom."""
    told = dict(closure.certificate)
    if reader.role == "reseller":
        told["exclusions"] = len(told["exclusions"])
        told["held"] = len(told.get("held") or ())
        if told.get("benefit_cap"):
            told["benefit_cap"] = told["benefit_cap"] | {"people": len(told["benefit_cap"]["people"])}
    if told.get("draw_seed") is not None:
        told["draw_page"] = url_for("rewards.draw", code=told["challenge"], _external=True)
    return (json.dumps(told, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def kept_back(closure: Closure) -> dict[str, int]:
    """How many awards the closing granted, held, capped and did not fund, over all payouts."""
    paid = closure.certificate["payouts"]
    statuses = ("granted", "held", "capped", "not_funded")
    return {status: sum(one.get(status, 0) for one in paid) for status in statuses}


def fingerprint(told: bytes) -> str:
    """SHA-256 of a certificate as it is read, in hexadecimal."""
    return hashlib.sha256(told).hexdigest()


def _counts(challenge: Challenge) -> dict[str, int]:
    def count(model: Any) -> int:
        return db.session.scalar(select(func.count()).select_from(model).where(model.challenge_id == challenge.id)) or 0

    points = db.session.scalar(
        select(func.coalesce(func.sum(FinalStanding.points), 0)).where(FinalStanding.challenge_id == challenge.id)
    )
    return {
        "participants": count(Participant),
        "ranked": count(FinalStanding),
        "declarations": count(CountedDeclaration),
        "points": int(points or 0),
        "adjustments": _adjustments(challenge),
        "awards": count(Award),
    }


def _adjustments(challenge: Challenge) -> int:
    """How many manual bonuses and corrections the standings hold."""
    holding = (
        select(func.count())
        .select_from(Adjustment)
        .outerjoin(AdjustmentDecision, AdjustmentDecision.adjustment_id == Adjustment.id)
        .where(
            Adjustment.challenge_id == challenge.id,
            ~Adjustment.needs_approval | AdjustmentDecision.approved.is_(True),
        )
    )
    return db.session.scalar(holding) or 0


def _paid(challenge: Challenge) -> list[dict[str, Any]]:
    granted = Award.status == "granted"
    promised = Award.status.in_(PROMISED)
    rows = db.session.execute(
        select(
            Award.payout,
            Award.kind,
            func.count(case((granted, 1))),
            *(func.count(case((Award.status == status, 1))) for status in ("not_funded", "held", "capped")),
            func.coalesce(func.sum(case((promised, Award.wallet_points), else_=0)), 0),
            func.coalesce(func.sum(case((promised, Award.cost_cents), else_=0)), 0),
        )
        .where(Award.challenge_id == challenge.id)
        .group_by(Award.payout, Award.kind)
        .order_by(Award.payout)
    )
    return [
        {
            "payout": payout, "kind": kind, "granted": won, "not_funded": lost, "held": held, "capped": capped,
            "wallet_points": int(wallet), "cost_cents": int(cost),
        }
        for payout, kind, won, lost, held, capped, wallet, cost in rows
    ]  # fmt: skip


def _exclusions(challenge: Challenge) -> list[dict[str, str]]:
    """People left out of the board (suspended) or of individual awards (health outlets), by code."""
    reason = case((Person.suspended_at.is_not(None), "suspended"), else_="health")
    left_out = Person.suspended_at.is_not(None) | Outlet.health.is_(True)
    rows = db.session.execute(
        select(Person.code, reason)
        .join_from(Participant, Person, Person.id == Participant.person_id)
        .join(Outlet, Outlet.id == Participant.outlet_id)
        .where(Participant.challenge_id == challenge.id, left_out)
        .order_by(Person.code)
    )
    return [{"person": code, "reason": why} for code, why in rows]


def _ties(challenge: Challenge) -> list[dict[str, Any]]:
    """Ranks that several share, the first hundred; more are counted by their absence from the ranks that follow."""
    rows = db.session.execute(
        select(FinalStanding.league, FinalStanding.rank, func.count())
        .where(FinalStanding.challenge_id == challenge.id)
        .group_by(FinalStanding.league, FinalStanding.rank)
        .having(func.count() > 1)
        .order_by(FinalStanding.league, FinalStanding.rank)
        .limit(100)
    )
    return [{"league": league, "rank": rank, "competitors": count} for league, rank, count in rows]
