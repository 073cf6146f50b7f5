"""Who sends rewards out. A provider is anything that takes a parcel under a name of ours and says how it stands.

`manual` is the brand's own staff; `http` is a service told by PUT {address}/orders/{id}, asked by GET on the same
address, which reports by signed messages (rewards/api.py). docs/rewards.md has the conversation.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from foundation.settings import Settings

MOST_BYTES = 64 * 1024
STATES = ("accepted", "sent", "delivered", "refused")


@dataclass(frozen=True)
class Parcel:
    """What a provider needs to know of an order. `order` is our number of it: told twice, it is one parcel."""

    order: str
    reward: str
    name: str
    address: str
    country: str
    language: str


@dataclass(frozen=True)
class Word:
    """How a parcel stands: `state` is one of STATES, or unknown; `note` a tracking text, or the reason of a refusal."""

    state: str
    note: str = ""


class Unreachable(Exception):
    """The provider gave no answer that can be used: the parcel may or may not be known to it."""


class RewardProvider(Protocol):
    """The port."""

    def send(self, parcel: Parcel) -> Word:
        """Hand a parcel over, any number of times. Raises Unreachable."""

    def ask(self, order: str) -> Word:
        """How a parcel stands. Raises Unreachable."""


class ManualProvider:
    """The brand's staff: what is handed over is on their list, and they say themselves how it stands."""

    def send(self, parcel: Parcel) -> Word:
        """It is on the list."""
        return Word("accepted")

    def ask(self, order: str) -> Word:
        """They will say."""
        return Word("accepted")


class HttpProvider:
    """A service that answers at an address."""

    def __init__(self, address: str, token: str, *, seconds: float = 10.0) -> None:
        self._parts = urlsplit(address)
        self._token = token
        self._seconds = seconds

    def send(self, parcel: Parcel) -> Word:
        """PUT the parcel under our number."""
        status, told = self._request("PUT", parcel.order, asdict(parcel))
        if status in (409, 422):
            return Word("refused", _text(told, "reason"))
        return self._word(status, told)

    def ask(self, order: str) -> Word:
        """GET it."""
        status, told = self._request("GET", order, None)
        return Word("unknown") if status == 404 else self._word(status, told)

    def _word(self, status: int, told: Mapping[str, Any]) -> Word:
        if status not in (200, 201, 202) or told.get("state") not in STATES:
            raise Unreachable(f"answered {status}")
        return Word(told["state"], _text(told, "reason" if told["state"] == "refused" else "tracking"))

    def _request(self, method: str, order: str, body: Any) -> tuple[int, Mapping[str, Any]]:
        ends = time.monotonic() + self._seconds
        host, port = self._parts.hostname or "", self._parts.port
        connection: HTTPConnection
        if self._parts.scheme == "https":
            encryption = ssl.create_default_context()
            connection = HTTPSConnection(host, port, timeout=self._seconds, context=encryption)
        else:
            connection = HTTPConnection(host, port, timeout=self._seconds)
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": order, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(
                method,
                f"{self._parts.path}/orders/{quote(order, safe='')}",
                None if body is None else json.dumps(body),
                headers,
            )
            answer = connection.getresponse()
            content = b""
            while chunk := answer.read1(8192):
                content += chunk
                if len(content) > MOST_BYTES or time.monotonic() > ends:
                    raise Unreachable("the answer does not end")
            if answer.length:
                raise Unreachable("the answer was cut")
            told = json.loads(content) if content else {}
            return answer.status, told if isinstance(told, dict) else {}
        except (OSError, HTTPException, ValueError) as error:
            raise Unreachable(type(error).__name__) from error
        finally:
            connection.close()


def _text(told: Mapping[str, Any], name: str) -> str:
    found = told.get(name)
    return " ".join(found.split())[:300] if isinstance(found, str) else ""


def provider(name: str, settings: Settings) -> RewardProvider | None:
    """The provider of this name; None when this installation has no address for it."""
    if name == "manual":
        return ManualProvider()
    if settings.provider_url is None:
        return None
    return HttpProvider(settings.provider_url, settings.provider_token)
