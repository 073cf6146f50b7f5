"""How a person appears to others: the name shown, initials, the address of a picture."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for

from network.models import Person


@dataclass(frozen=True)
class Face:
    """What the avatar macro reads. `colour` is any integer that stays the same for a person."""

    name: str
    initials: str
    avatar_url: str | None
    colour: int


def picture_address(picture: str | None) -> str | None:
    """The address of a kept picture, None without one. It holds the picture's random name and nothing of the person,
    so that a nickname stays one."""
    return url_for("network.picture", name=picture) if picture else None


def face(person: Person) -> Face:
    """A person as other participants see them."""
    return Face(person.display_name, person.initials, picture_address(person.picture), person.id)
