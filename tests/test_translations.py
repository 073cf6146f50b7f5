"""Every visible text exists in French and English, with the same placeholders."""

from __future__ import annotations

import pytest
from babel.messages.pofile import read_po
from flask import Flask
from flask_babel import force_locale, get_translations, gettext

from translations import update

pytestmark = pytest.mark.any_engine


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
