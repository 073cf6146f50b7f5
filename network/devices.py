"""What a phone is told of its person without being told who it is: opaque keys."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode

from network.models import Person

PERSON = "Palmares-Person"  # the header in which a phone and the server name, by that key, whose something is


def person_key(person: Person, *, secret: str) -> str:
    """The name under which a phone keeps what is this person's: always the same, and says nothing about anybody."""
    return hmac.digest(secret.encode(), f"phone:{person.id}:{person.code}".encode(), "sha256").hex()[:32]


def sealing_key(person: Person, *, secret: str) -> str:
    """The key (32 bytes, in base64) with which a phone seals this person's sales: given to nobody else, so that what
    stays on a shared phone after a sign-out cannot be read before the person is back."""
    return urlsafe_b64encode(
        hmac.digest(secret.encode(), f"seal:{person.id}:{person.code}".encode(), "sha256")
    ).decode()


def form_token(person: Person, *, secret: str) -> str:
    """What the forms of a session are known by that begins with the cookie that remembers this person: the same until
    every session of the person is ended."""
    return hmac.digest(secret.encode(), f"forms:{person.get_id()}".encode(), "sha256").hex()
