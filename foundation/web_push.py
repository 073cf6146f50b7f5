"""Web push: a short message, encrypted for one browser and signed by us, through the service of the browser's maker.

RFC 8030 (the way), RFC 8291 (the encryption: the service cannot read it), RFC 8292 (VAPID: it knows who sends).
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from typing import Any

import requests
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pywebpush import WebPushException, webpush

from foundation import mail
from foundation.settings import Settings

TIMEOUT = 10

# The whole of an address, so that nothing in it can be read in two ways (a backslash ends the host for some libraries
# and not for others). Without encryption or with a port: this machine only.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HERE = r"localhost|127\.0\.0\.1|\[::1\]"
_ADDRESS = re.compile(
    rf"(?:https://(?P<host>{_LABEL}(?:\.{_LABEL})+)|https?://(?P<here>{_HERE})(?::[0-9]{{1,5}})?)/[!-\[\]-~]*"
)


class Gone(Exception):
    """The browser takes no pushes there any more (404, 410): it is to be forgotten."""


class NotTaken(Exception):
    """The service will never take this push; trying again would change nothing."""


class Unreachable(Exception):
    """The service gave no answer, or asked to come again later."""


def new_key() -> str:
    """A new private key, as PALMARES_VAPID_PRIVATE_KEY takes it: 32 bytes in base64 with - and _."""
    return _text(ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big"))


@lru_cache(maxsize=8)
def public_key(private: str) -> str:
    """The public half of a private key, as browsers take it: an uncompressed point in base64 with - and _."""
    number = int.from_bytes(_bytes(private), "big")
    point = ec.derive_private_key(number, ec.SECP256R1()).public_key()
    return _text(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def is_service(endpoint: str, services: tuple[str, ...]) -> bool:
    """Whether an address is one of the services that browsers use: we send nowhere else, whatever a form says."""
    address = _ADDRESS.fullmatch(endpoint)
    if address is None:
        return False
    host = address["host"] or address["here"].strip("[]")
    return any(host == one or (one.startswith(".") and host.endswith(one)) for one in services)


def is_key_pair(p256dh: str, auth: str) -> bool:
    """Whether these are what a browser gives to encrypt for it: a point of the curve, and 16 secret bytes."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _bytes(p256dh))
        return len(_bytes(auth)) == 16
    except (ValueError, binascii.Error, InvalidKey):
        return False


def send(
    settings: Settings, endpoint: str, p256dh: str, auth: str, message: str, *, topic: str, lives_for: int
) -> None:
    """Send one message. A second one of the same `topic` takes the place of the first while the device is off; the
    service lets go of it after `lives_for` seconds. Raises Gone, NotTaken or Unreachable."""
    if settings.push_key is None or not is_service(endpoint, settings.push_services):
        raise NotTaken("not a push service we send to")
    subject = settings.base_url if settings.base_url.startswith("https:") else f"mailto:{mail.sender(settings)}"
    try:
        with _StatusOnly() as session:
            webpush(
                {"endpoint": endpoint, "keys": {"p256dh": p256dh, "auth": auth}},
                message,
                vapid_private_key=settings.push_key,
                vapid_claims={"sub": subject},
                ttl=lives_for,
                timeout=TIMEOUT,
                headers={"Topic": topic, "Urgency": "normal"},
                requests_session=session,
            )
    except requests.RequestException as error:
        raise Unreachable(type(error).__name__) from error
    except WebPushException as error:
        status = getattr(error.response, "status_code", None)
        if status in (404, 410):
            raise Gone(str(status)) from error
        if status == 429 or (status is not None and status >= 500):
            raise Unreachable(str(status)) from error
        raise NotTaken(str(status)) from error


class _StatusOnly(requests.Session):
    """Hears the status of an answer and goes: no body is waited for, however slowly it comes, no redirection taken."""

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """Send, as usual; answers a response without a body."""
        with super().post(*args, **kwargs, stream=True, allow_redirects=False) as answer:
            heard = requests.Response()
            heard.status_code, heard.reason, heard.headers = answer.status_code, answer.reason, answer.headers
            return heard


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
