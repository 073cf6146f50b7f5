"""What holds for people without a database: addresses, nicknames, and why something is refused."""

from __future__ import annotations

import re
import unicodedata

_EMAIL = re.compile(r"""[^@\s<>"(),:;\\\[\]]+@[^@\s<>"(),:;\\\[\].]+(\.[^@\s<>"(),:;\\\[\].]+)+""")
NICKNAME_LENGTH = 40


class Refused(ValueError):
    """What was asked cannot be done; the message is a sentence for the person, in the language being spoken."""


def normal_email(text: str) -> str:
    """An address as it is kept and compared: trimmed, lower case, composed letters."""
    return unicodedata.normalize("NFC", text.strip()).lower()


def is_email(text: str) -> bool:
    """Whether a text reads as one e-mail address that can be written to."""
    return len(text) <= 254 and _EMAIL.fullmatch(text) is not None


def normal_nickname(text: str) -> str:
    """A nickname as it is shown: composed letters, single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def initials(name: str) -> str:
    """One or two capital letters for a name's avatar."""
    words = [word for word in name.replace("-", " ").split() if word[0].isalpha()]
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper() or "?"


def is_plain(text: str) -> bool:
    """Whether a text can be printed on one line: no control character, no lone surrogate, nothing invisible."""
    return all(unicodedata.category(letter) not in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") for letter in text)


def sponsorship_circles(sponsors: dict[str, str]) -> list[str]:
    """The codes of people who would be, by themselves or through others, their own sponsor, in code order.

    `sponsors` gives for each sponsored person the code of the sponsor.
    """
    settled: set[str] = set()
    circles: set[str] = set()
    for start in sponsors:
        path: list[str] = []
        seen: dict[str, int] = {}
        code: str | None = start
        while code is not None and code not in settled and code not in seen:
            seen[code] = len(path)
            path.append(code)
            code = sponsors.get(code)
        if code is not None and code in seen:
            circles.update(path[seen[code] :])
        settled.update(path)
    return sorted(circles)
