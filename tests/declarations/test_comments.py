"""A comment keeps what was said about the product and loses what would tell who said it, or about whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declarations.comments import NOBODY, clean_comment, known_names

pytestmark = pytest.mark.any_engine

NETWORK = known_names(
    [
        "Sandrine Morvan",
        "Karine Le Goff",
        "Élodie Petit",
        "Marc Kervella",
        "Rose Martin",
        "Jean-Yves Bihan",
        "Claire Roche",
    ]
)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Écrivez-moi : jean.dupont@exemple.fr.", "Écrivez-moi : [e-mail]."),
        ("jean (at) exemple (point) fr", "[e-mail]"),
        ("jean arobase exemple point fr", "[e-mail]"),
        ("Suivez @sophie_b sur les réseaux", "Suivez [nom] sur les réseaux"),
        ("a\u200bb@exemple.fr", "[e-mail]"),
        ("Voir https://exemple.fr/avis?x=1, merci", "Voir [lien], merci"),
        ("Voir www.exemple.com.", "Voir [lien]."),
        ("sur maboutique.fr", "sur [lien]"),
    ],
)
def test_addresses_are_taken_out(said: str, kept: str) -> None:
    assert clean_comment(said) == kept


@pytest.mark.parametrize(
    "number",
    [
        "06 12 34 56 78",
        "06.12.34.56.78",
        "06-12-34-56-78",
        "06/12/34/56/78",
        "0612345678",
        "06 123 456 78",
        "02\u00a098\u00a012\u00a034\u00a056",
        "+33 6 12 34 56 78",
        "+33612345678",
        "+33(0)6 12 34 56 78",
        "0033 6 12 34 56 78",
        "+44 20 7946 0958",
        "+32 475 12 34 56",
    ],
)
def test_telephone_numbers_are_taken_out(number: str) -> None:
    assert clean_comment(f"Rappelez-moi au {number}, merci") == "Rappelez-moi au [téléphone], merci"


@pytest.mark.parametrize(
    "said",
    [
        "Acheté le 01/02/2026 à 10h30, payé 12,50 € les 10 000",
        "Le 01.02.2026 10:30, code 3760123456789",
        "Note 10/10, 3 tubes de 50 ml, SPF 50+",
        "Petit prix, petit format, crème Rose, très claire et douce",
        "Madame, Monsieur, je suis ravie",
        "Monsieur le directeur, bravo",
        "MA FILLE ADORE CE PRODUIT",
        "Ma fille l’adore. Mon mari aussi.",
        "Elle se marie bien avec le sérum ; un reste de marc de raisin",
        "C'est fini.De plus c.est bien",
        "Le Père Noël l’a bien choisi",
        "Texture fondante 😍 1ère fois que j’achète… +1 !",
        "J'ai la peau du siècle dernier, et alors ?",
    ],
)
def test_ordinary_sentences_stay_as_they_are(said: str) -> None:
    assert clean_comment(said, NETWORK) == said


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Mme Dupont m'a conseillée", "Mme [nom] m'a conseillée"),
        ("mme dupont est super", "mme [nom] est super"),
        ("Merci à M. de La Tour. Il est patient", "Merci à M. [nom]. Il est patient"),
        ("M. Le Bihan", "M. [nom]"),
        ("MERCI MADAME DUPONT POUR TOUT", "MERCI MADAME [nom] POUR TOUT"),
        ("Mr et Mme Jean-Claude Le Meur sont contents", "Mr et Mme [nom] sont contents"),
        ("Monsieur d'Aubigny", "Monsieur [nom]"),
        ("Mrs Smith loved it", "Mrs [nom] loved it"),
        ("Le docteur Martin me l'a prescrit", "Le docteur [nom] me l'a prescrit"),
        ("Ma vendeuse Julie a été au top", "Ma vendeuse [nom] a été au top"),
        ("Merci à Julie et bravo", "Merci à [nom] et bravo"),
        ("ma fille Emma adore", "ma fille [nom] adore"),
        ("Je m'appelle karine et j'adore", "Je m'appelle [nom] et j'adore"),
        ("Je m’appelle Anne-Laure Petit, j’ai 40 ans", "Je m’appelle [nom], j’ai 40 ans"),
        ("Très bien. Cordialement, Sophie L.", "Très bien. Cordialement, [nom]"),
    ],
)
def test_names_after_a_title_a_relation_or_a_signature_are_taken_out(said: str, kept: str) -> None:
    assert clean_comment(said) == kept


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Sandrine m’a bien conseillée", "[nom] m’a bien conseillée"),
        ("conseils de sandrine morvan", "conseils de [nom]"),
        ("conseils de MORVAN Sandrine", "conseils de [nom]"),
        ("j'ai vu elodie petit hier", "j'ai vu [nom] hier"),
        ("Le Goff Karine est top", "[nom] est top"),
        ("le conseil d'Élodie", "le conseil d'[nom]"),
        ("vu avec Jean-Yves", "vu avec [nom]"),
        ("vu avec Claire hier", "vu avec [nom] hier"),
        ("rose martin", "[nom]"),
        ("Petite déception pour la Rose", "Petite déception pour la Rose"),
    ],
)
def test_people_of_the_network_are_taken_out_however_they_are_written(said: str, kept: str) -> None:
    assert clean_comment(said, NETWORK) == kept


def test_names_may_be_given_as_plain_texts() -> None:
    assert clean_comment("Merci Solenn", ["Solenn Kerbrat"]) == "Merci [nom]"
    assert clean_comment("Merci Solenn", NOBODY) == "Merci Solenn"


def test_the_comment_is_trimmed_and_keeps_only_what_can_be_read() -> None:
    assert clean_comment(" \n Tre\u0300s\x00 bien\r\nmerci \u202e ") == "Très bien\nmerci"
    assert clean_comment("") == ""
    assert clean_comment("\ud800") == ""


PIECES = (
    "Mme |M. |Dupont|Le Goff|sandrine| |, |06 12 34 56 78|@|exemple.fr|0|12|.|Merci à |je m'appelle |fille |[nom]|é"
)
pieces = st.sampled_from([*PIECES.split("|"), "\n", "https://", "Rose ", "Petit", "-", "'"])


@given(st.lists(pieces | st.text(max_size=5), max_size=12).map("".join))
def test_cleaning_again_changes_nothing_and_never_fails(said: str) -> None:
    once = clean_comment(said, NETWORK)
    assert clean_comment(once, NETWORK) == once
    once.encode("utf-8")
