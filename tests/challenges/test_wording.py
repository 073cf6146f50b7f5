"""Rules, prizes and points in the words people read, in French and in English."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale

from challenges.definition import definition_from
from challenges.wording import (
    audience_in_words,
    explain,
    explain_bar,
    full_rules,
    prize_in_words,
    rule_in_words,
    summary,
)

EXAMPLES = sorted((Path(__file__).parent.parent / "reference" / "data" / "challenges").glob("*.toml"))
NAMES = {"CREME": "Crème de nuit", "HUILE": "Huile sèche"}


def plain(text: str) -> str:
    """A text with ordinary spaces."""
    return text.replace("\u202f", " ").replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            {
                "counts": "units",
                "points": 10,
                "when": {"categories": ["Soin"], "channels": ["store", "meeting"]},
                "cap": {"points": 200, "per": "day"},
            },
            "10 points par unité de la catégorie Soin vendue en boutique ou en réunion, jusqu’à 200 points par jour",
        ),
        (
            {"counts": "units", "points": 7, "per": 5, "when": {"skus": ["CREME", "HUILE"], "channels": ["online"]}},
            "7 points par lot de 5 unités de « Crème de nuit » ou « Huile sèche » vendues en ligne",
        ),
        (
            {"counts": "units", "points": 1, "when": {"skus": ["A", "B", "C", "D"]}},
            "1 point par unité de l’un des 4 produits choisis",
        ),
        (
            {"counts": "value", "points": 2, "per": 10, "when": {"families": ["Visage", "Corps"]}},
            "2 points par tranche de 10 € de ventes des familles Visage ou Corps",
        ),
        (
            {"counts": "declaration", "points": 13, "when": {"skus": ["CREME"], "min_units": 6, "customer": ["new"]}},
            "13 points par vente déclarée, avec « Crème de nuit », pour un nouveau client,"
            " à partir de 6 unités dans la vente",
        ),
        ({"counts": "feedback", "points": 15}, "15 points par avis de client"),
        (
            {
                "counts": "feedback",
                "points": 15,
                "min_comment": 20,
                "when": {"from": "2026-01-01", "to": "2026-01-15"},
            },
            "15 points par avis de client avec un commentaire d’au moins 20 caractères,"
            " du 1er janvier 2026 au 15 janvier 2026",
        ),
        (
            {"counts": "profile", "points": 8, "cap": {"points": 80, "per": "challenge"}},
            "8 points quand le profil du client est complet (nouveau ou fidèle, âge, lieu), jusqu’à 80 points en tout",
        ),
        (
            {"counts": "boost", "factor": "1.5", "of": ["avis"], "when": {"weekdays": [6, 7]}},
            "les points de la règle 2 sont multipliés par 1,5, le samedi ou le dimanche",
        ),
        (
            {"counts": "boost", "factor": "2", "cap": {"points": 40, "per": "declaration"}},
            "les points de la vente sont multipliés par 2, jusqu’à 40 points par vente",
        ),
        (
            {"counts": "milestone", "measure": "value", "at": 1000, "points": 100},
            "100 points de plus, une fois, dès 1 000 € de ventes",
        ),
        (
            {
                "counts": "milestone",
                "measure": "declarations",
                "at": 3,
                "points": 20,
                "when": {"categories": ["Soin"]},
            },
            "20 points de plus, une fois, dès 3 ventes, avec un produit de la catégorie Soin",
        ),
        (
            {"counts": "milestone", "measure": "points", "at": 400, "points": 75},
            "75 points de plus, une fois, dès 400 points gagnés",
        ),
    ],
)
def test_a_rule_reads_as_a_sentence(app: Flask, rule: dict[str, Any], words: str) -> None:
    rules = [{"id": "creme"}, {"id": "avis"}]
    assert plain(rule_in_words({"id": "x"} | rule, rules, NAMES)) == words


@pytest.mark.parametrize(
    ("why", "words"),
    [
        (
            {"counts": "units", "points": 10, "units": 3, "per": 1, "sku": "CREME", "gives": 30},
            "3 × Crème de nuit × 10 pts = 30",
        ),
        ({"counts": "units", "points": 10, "units": 3, "per": 1, "gives": 30}, "3 unités × 10 pts = 30"),
        ({"counts": "units", "points": 10, "units": 7, "per": 2, "gives": 30}, "7 unités, 10 pts par 2 = 30"),
        (
            {"counts": "units", "points": 10, "units": 7, "per": 2, "sku": "GONE", "gives": 30},
            "7 × GONE, 10 pts par 2 = 30",
        ),
        (
            {"counts": "value", "points": 5, "value": 5730, "per": 20, "gives": 10},
            "57,30 € de ventes, 5 pts par 20 € = 10",
        ),
        ({"counts": "declaration", "points": 5, "gives": 5}, "vente déclarée = 5"),
        ({"counts": "feedback", "points": 15, "gives": 15}, "avis donné = 15"),
        (
            {"counts": "feedback", "points": 15, "min_comment": 20, "gives": 15},
            "avis d’au moins 20 caractères = 15",
        ),
        ({"counts": "profile", "points": 8, "gives": 8}, "profil du client complet = 8"),
        ({"counts": "boost", "base": 30, "factor": "1.5", "gives": 15}, "1,5 × 30 − 30 = 15"),
        ({"counts": "milestone", "measure": "units", "at": 100, "gives": 250}, "palier de 100 unités = 250"),
        (
            {
                "counts": "feedback",
                "points": 30,
                "gives": 30,
                "cut": [{"by": "day", "cap": 200, "left": 10}, {"by": "challenge_total", "cap": 900, "left": 0}],
            },
            "avis donné = 30 ; plafond du jour atteint : 10 sur 30 ; plafond du challenge atteint : 0 sur 10",
        ),
    ],
)
def test_points_say_their_arithmetic(app: Flask, why: dict[str, Any], words: str) -> None:
    assert plain(explain(why, NAMES)) == words


def test_what_the_law_bars_names_the_article_and_what_is_missing(app: Flask) -> None:
    assert "L135-1" in explain_bar("vdi_channel")
    assert "L135-1" in explain_bar("vdi_reorder")
    assert "accord de votre employeur manque" in explain_bar("no_agreement")
    assert "antérieure" in explain_bar("before_agreement") and "L242-1-4" in explain_bar("before_agreement")
    assert explain_bar("") == ""


def test_prizes_and_audiences_read_as_people_say_them(app: Flask) -> None:
    assert prize_in_words({"kind": "rank", "from": 1, "to": 1, "reward": "spa"}, {"spa": "Week-end spa"}) == (
        "1re place",
        "Week-end spa",
    )
    assert prize_in_words({"kind": "rank", "from": 2, "to": 3, "wallet": 1}).who == "Places 2 et 3"
    assert prize_in_words({"kind": "convert", "every": 10, "into": 1}) == (
        "Chaque tranche de 10 points",
        "1 point de cagnotte",
    )
    assert audience_in_words({}) == "tout le réseau"
    assert (
        audience_in_words({"kinds": ["reseller", "vdi"], "regions": ["Bretagne"], "countries": ["FR"]})
        == "revendeurs et VDI, France, région Bretagne"
    )


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_challenge_has_a_summary_of_at_most_three_sentences_and_full_rules(
    app: Flask, path: Path, language: str
) -> None:
    definition = definition_from(tomllib.loads(path.read_text(encoding="utf-8"))).canonical()
    with force_locale(language):
        sentences = summary(definition)
        assert 1 <= len(sentences) <= 3
        assert all(sentence.endswith(".") and sentence.count(". ") == 0 for sentence in sentences)
        sections = full_rules(definition)
        words = " ".join(sentence for section in sections for sentence in section.sentences)
        assert "%(" not in words and "None" not in words
        assert sum(len(section.sentences) for section in sections) >= 10
