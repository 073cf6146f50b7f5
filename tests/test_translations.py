"""Every visible text exists in French and English, with the same placeholders, and French has its own spaces."""

from __future__ import annotations

import email
import email.policy
import html
import json
import re
from datetime import UTC, datetime

import pytest
from babel.messages.pofile import read_po
from flask import Flask
from flask_babel import force_locale, get_translations, gettext

from foundation.transactions import transaction
from network import messages
from translations import update

pytestmark = pytest.mark.any_engine

# A space before a French sign, or after an opening one, where a line may break, or that is not as wide as it should be.
BREAKS = re.compile(r" [:;?!€»]| %(?!\()|« ")
OTHER_SPACE = re.compile("\u00a0[;?!]|\u202f[:%€»]|«\u202f")
AS_TYPED = str.maketrans({"\u00a0": " ", "\u202f": " "})


@pytest.fixture(scope="module")
def texts():
    return update.visible_texts()


def test_every_text_has_its_english_with_the_same_placeholders(texts):
    known, wrong = update.english()
    assert [*wrong, *update.faults(texts, known)] == []


def test_the_catalogues_are_those_of_the_sources(texts):
    known, _ = update.english()
    old = [str(path) for path, content in update.catalogues(texts, known).items() if path.read_bytes() != content]
    assert old == [], "run `make translations`"


@pytest.mark.parametrize("locale", ["en", "fr"])
def test_catalogues_are_sound_and_nothing_in_them_is_a_guess(locale):
    with (update.FOLDER / locale / "LC_MESSAGES/messages.po").open("rb") as file:
        catalogue = read_po(file, locale=locale)
    assert [message.id for message in catalogue if message.id and (message.fuzzy or not message.string)] == []
    assert [(message.id, errors) for message, errors in catalogue.check()] == []


@pytest.mark.parametrize(("locale", "zero_is"), [("fr", "singular"), ("en", "plural")])
def test_counted_texts_follow_their_language(app: Flask, locale, zero_is):
    with app.test_request_context(), force_locale(locale):
        assert get_translations().plural(0) == ("singular", "plural").index(zero_is)


def test_a_language_can_be_asked_for(app: Flask):
    known, _ = update.english()
    french = next(french for french, english in known.items() if isinstance(english, str) and "%" not in french)
    with app.test_request_context():
        with force_locale("en"):
            assert gettext(french) == known[french]
        with force_locale("fr"):
            assert gettext(french) == french


def test_no_line_of_a_french_text_begins_with_a_sign(app: Flask, texts):
    known, _ = update.english()
    with app.test_request_context(), force_locale("fr"):
        shown = [(text, gettext(text)) for text, said in known.items() if isinstance(said, str)]
        for text in texts:
            if not isinstance(text, str):
                shown += [(text[n - 1], get_translations().ungettext(*text, n)) for n in (1, 2)]
    assert [read for _typed, read in shown if BREAKS.search(read) or OTHER_SPACE.search(read)] == []
    assert [typed for typed, read in shown if read.translate(AS_TYPED) != typed] == []


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Annuler ce challenge ? Vos points reviennent !", "Annuler ce challenge\u202f? Vos points reviennent\u202f!"),
        ("vide : rien ; sinon", "vide\u00a0: rien\u202f; sinon"),
        ("%(n)s %% de %(all)s €", "%(n)s\u00a0%% de %(all)s\u00a0€"),
        ("contribution de 20 %", "contribution de 20\u00a0%"),
        ("de « : » et de « %(what)s »", "de «\u00a0:\u00a0» et de «\u00a0%(what)s\u00a0»"),
        ("à 14:05 sur https://marque.example/?q=1", "à 14:05 sur https://marque.example/?q=1"),
    ],
)
def test_only_the_spaces_around_signs_change(typed, read):
    assert update.with_french_spaces(typed) == read


def test_pages_and_what_scripts_say_have_the_spaces_of_their_language(client, cast):
    client.sign_in(cast.awa)
    for address in ("/", "/declare", "/declarations", "/me", "/notices", "/challenges", "/points", "/rewards"):
        assert BREAKS.findall(html.unescape(client.get(address).text)) == [], address
    assert "si vous voulez\u202f; sinon" in client.get("/me?first=1").text
    page = client.get("/declare").text
    [words] = re.findall(r'<script[^>]* id="outbox-words">(.*?)</script>', page, re.S)
    said = json.dumps(json.loads(words), ensure_ascii=False)
    assert "ventes attendent sur ce téléphone\u00a0: reconnectez-vous" in said and BREAKS.findall(said) == []


@pytest.mark.parametrize(
    ("language", "subject", "line"),
    [
        ("fr", "Votre code\u00a0: 123456", "Vous n’avez rien demandé\u202f? Ignorez ce message\u00a0: sans lui"),
        ("en", "Your code: 123456", "Your sign-in code: 123456"),
    ],
)
def test_a_mail_has_the_spaces_of_its_language(app: Flask, cast, language, subject, line):
    with transaction():
        cast.awa.language = language
        messages.send_code(cast.awa, "123456", at=datetime(2026, 2, 3, 11, 0, tzinfo=UTC))
    [file] = app.config["SETTINGS"].outbox_folder.glob("*.eml")
    letter = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert letter["Subject"] == subject
    assert line in letter.get_content() and BREAKS.findall(letter.get_content()) == []
