"""The shell of every answer: security headers, errors in words, assets with their version in the address."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import (
    Flask,
    Request,
    Response,
    abort,
    current_app,
    g,
    jsonify,
    make_response,
    render_template,
    request,
    send_file,
    url_for,
)
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_compress import Compress, DictCache
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf import CSRFProtect
from werkzeug.exceptions import HTTPException

# Whoever calls these addresses is a program: it is answered in JSON, errors included.
FOR_PROGRAMS = ("/api/", "/outbox/")
PROBLEM = "application/problem+json"  # how an error is told to a program (RFC 9457)

csrf = CSRFProtect()
limiter = Limiter(get_remote_address, default_limits=[])
compress = Compress()


def _file_as_it_is(asked: Request) -> str:
    path = Path(current_app.static_folder or "", (asked.view_args or {})["filename"]).resolve()
    return f"{path} {path.stat().st_mtime_ns}"


# Only static files are sent compressed. Pages are not: compressed, the length of an answer that holds both a secret
# (the token of a form) and something a stranger can choose (a search) would tell the secret letter by letter.
COMPRESSED = ("text/css", "text/javascript", "application/javascript", "image/svg+xml")
COMPRESSION = {
    "COMPRESS_REGISTER": False,
    "COMPRESS_MIMETYPES": COMPRESSED,
    "COMPRESS_ALGORITHM": ["br", "gzip"],
    # As small as can be, a quarter of a second of a processor for all of them: once, for a process remembers them.
    "COMPRESS_BR_LEVEL": 11,
    "COMPRESS_LEVEL": 9,
    "COMPRESS_CACHE_BACKEND": DictCache,
    "COMPRESS_CACHE_KEY": _file_as_it_is,
}

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


class Session(SecureCookieSession):
    """A session that remembers what it said as it came (`before`)."""

    def __init__(self, initial: Any = None) -> None:
        super().__init__(initial)
        self.before = dict(self)


class Sessions(SecureCookieSessionInterface):
    """Sessions in a signed cookie, of which answers that are everybody's say nothing.

    Flask-Login looks into the session at every answer, and Flask then says "Vary: Cookie": each change of the cookie
    would make browsers ask again for every file they have, and no cache on the way could share one.
    """

    session_class = Session

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write the cookie, unless whoever asks is answered the same, or was only looked for and not found.

        Browsers ask on their own (the phone's outbox, parts of pages, pictures, the service worker at each visit), and
        may be answered after their person pressed something (left everywhere): the session of before that press, which
        Flask-Login touches when it tries the cookie that remembers, must not come back over the one of after, with what
        that had to say.
        """
        if not response.cache_control.public and not _only_tried(session):
            super().save_session(app, session, response)


_TRIED = {"_user_id", "_fresh"}  # what Flask-Login writes before it knows whether the cookie that remembers is good


def _only_tried(session: SessionMixin) -> bool:
    """Whether nothing has changed but for a try to know somebody, which failed."""
    known = g.get("_login_user")
    if known is None or known.is_authenticated or session.get("_fresh") is not False:
        return False
    before = session.before if isinstance(session, Session) else {}
    changed = {key for key in before.keys() | session.keys() if before.get(key) != session.get(key)}
    return changed <= _TRIED


def security_headers(response: Response) -> Response:
    """Add the same strict headers to every answer; answers for a signed-in person are never cached by others."""
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("Permissions-Policy", "geolocation=(), microphone=(), payment=()")
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if response.status_code not in (429, 503):
        response.headers.pop("Retry-After", None)  # the limiter's; elsewhere it would read as "try again"
    if request.endpoint == "static":
        if request.args.get("v"):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        if response.status_code == 200 and response.mimetype in COMPRESSED:
            response.direct_passthrough = False
            response.get_data()  # whole: only what is whole is kept compressed
        if response.status_code != 206:
            response = compress.after_request(response)
    else:
        response.headers.setdefault("Cache-Control", "private, no-store")
        response.vary.add("HX-Request")
    return response


def send_picture(path: Path, *, kept_for: int = 0) -> Response:
    """A picture for whoever asked, who may see it: no cache on the way keeps it, nor their browser, but for `kept_for`
    seconds."""
    answer = send_file(path, mimetype="image/webp")
    answer.headers["Cache-Control"] = f"private, max-age={kept_for}" if kept_for else "private, no-store"
    return answer


@lru_cache(maxsize=256)
def _fingerprint(path: Path, changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]


def register_assets(app: Flask) -> None:
    """Give templates asset_url("palmares.css"): the address changes with the content."""

    def asset_url(name: str) -> str:
        path = Path(app.static_folder or "") / name
        version = _fingerprint(path, path.stat().st_mtime_ns) if path.is_file() else "missing"
        return url_for("static", filename=name, v=version)

    app.jinja_env.globals["asset_url"] = asset_url


def problem(status: int, title: str, *, faults: list[dict[str, str]] | None = None) -> Response:
    """An error for programs, as PROBLEM."""
    body: dict[str, object] = {"type": "about:blank", "title": title, "status": status}
    if faults is not None:
        body["errors"] = faults
    response = make_response(jsonify(body), status)
    response.headers["Content-Type"] = PROBLEM
    return response


def refuse_nul() -> None:
    """No text of ours holds a NUL character, and PostgreSQL takes none: whoever sends one is told so, not failed."""
    asked = [request.path, *request.args.keys(), *(text for _, texts in request.args.lists() for text in texts)]
    if not request.path.startswith(FOR_PROGRAMS):  # a machine's body is not a form
        asked += [text for name, texts in request.form.lists() for text in (name, *texts)]
    if any("\0" in text for text in asked):
        abort(400, "a NUL character; write plain text")


def register_errors(app: Flask) -> None:
    """Errors say what happened, that nothing was lost, and what to do."""

    def explain(error: HTTPException) -> Response:
        if error.code is None or error.code < 400:
            return make_response(error.get_response())
        if request.path.startswith(FOR_PROGRAMS):
            return problem(error.code, error.description or error.name)
        known = error.code in (400, 403, 404, 413, 429, 500)
        template = f"errors/{error.code}.html" if known else "errors/500.html"
        try:
            detail = error.description if error.description != type(error).description else ""
            return make_response(render_template(template, error=error, detail=detail), error.code)
        except Exception:
            app.logger.exception("error page failed")
            return make_response(f"{error.code} {error.name}", error.code)

    def explain_unexpected(error: Exception) -> Response:
        app.logger.exception("unexpected error on %s", request.endpoint)
        g.failed = True
        if request.path.startswith(FOR_PROGRAMS):
            return problem(500, "Something went wrong on our side; nothing was written")
        try:
            return make_response(render_template("errors/500.html", error=error), 500)
        except Exception:
            return make_response("500", 500)

    app.register_error_handler(HTTPException, explain)
    if not app.testing:
        app.register_error_handler(Exception, explain_unexpected)
