"""The catalogue as staff write it: articles, pictures, files."""

from __future__ import annotations

from pathlib import Path

from flask import abort, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response as AnyResponse

from foundation import clock, pictures
from foundation.merging import Merged
from foundation.pages import Paged, page_number, page_or_part, paged
from foundation.tables import Faulty
from foundation.transactions import transaction
from foundation.web import send_picture
from network.permissions import requires
from rewards import catalogue, codes, queries, wording
from rewards.imports import import_codes, import_rewards
from rewards.models import Reward
from rewards.order_forms import ArticleForm, RewardsFileForm

PICTURE_SIDE = 1000


def _folder() -> Path:
    folder: Path = current_app.config["SETTINGS"].media_folder
    return folder / "rewards"


@requires("signed_in")
def picture(name: str) -> AnyResponse:
    """The picture of an article, by its random name."""
    path = pictures.picture_path(_folder(), name)
    if path is None:
        abort(404)
    return send_picture(path, kept_for=86_400)


@requires("animate")
def articles() -> str:
    """Every article."""
    asked = request.args.get("q", "").strip()[:100]
    page: Paged[Reward] = paged(queries.articles(asked), page_number())
    return page_or_part(
        "rewards/articles.html",
        "rewards/_articles.html",
        page=page,
        asked=asked,
        kinds=wording.kinds(),
        icons=wording.ICONS,
    )


@requires("animate")
def new_article() -> AnyResponse:
    """Write a new article."""
    return _article(None)


@requires("animate")
def edit_article(code: str) -> AnyResponse:
    """Write an article anew."""
    return _article(queries.article(code) or abort(404))


def _article(reward: Reward | None) -> AnyResponse:
    form = ArticleForm(obj=reward, cost=f"{reward.cost_cents / 100:.2f}".replace(".", ",") if reward else "")
    if reward is not None:
        form.code.data = reward.code
        if request.method == "GET":
            form.stock_seen.data = "" if reward.stock is None else str(reward.stock)
    pool = reward is not None and reward.kind == "voucher" and codes.has_pool(reward.id)
    if form.validate_on_submit() and _keep(reward, form):
        flash(_("L’article est enregistré."), "success")
        return redirect(url_for("rewards.edit_article", code=form.code.data))
    page = render_template("rewards/edit_article.html", form=form, reward=reward, pool=pool, file=RewardsFileForm())
    return make_response(page, 422 if form.errors else 200)


def _keep(reward: Reward | None, form: ArticleForm) -> bool:
    """Write what the form says; on a refusal put the reason beside its field, and nothing is written."""
    by, at, kept = current_user.code, clock.now(), None
    if form.photo.data:
        try:
            kept = pictures.keep_picture(form.photo.data.read(), _folder(), longest=PICTURE_SIDE)
        except ValueError:
            form.photo.errors = [_("Cette image ne peut pas être lue ; envoyez une photo JPEG, PNG ou WebP.")]
            return False
    former = None
    try:
        with transaction():
            written = catalogue.write(
                reward,
                code=form.code.data or "",
                name=(form.name.data or "").strip(),
                description=(form.description.data or "").strip(),
                kind=form.kind.data,
                cost_cents=form.cost_cents,
                price_points=form.price_points.data,
                stock=form.stock.data,
                stock_seen=int(form.stock_seen.data) if form.stock_seen.data else None,
                limit_per_person=form.limit_per_person.data,
                countries=form.countries.data or "",
                starts_on=form.starts_on.data,
                ends_on=form.ends_on.data,
                provider=form.provider.data,
                by=by,
                at=at,
            )
            if kept or form.remove_picture.data:
                former = catalogue.show_picture(written, kept, by=by, at=at)
    except catalogue.StockMoved as moved:
        pictures.discard_picture(_folder(), kept)
        now = _("sans limite") if moved.stock is None else str(moved.stock)
        form.stock.errors = [
            _("Le stock a bougé entre-temps : il est de %(now)s. Vérifiez, puis enregistrez.", now=now)
        ]
        form.stock_seen.data = "" if moved.stock is None else str(moved.stock)
        return False
    except IntegrityError:
        pictures.discard_picture(_folder(), kept)
        form.code.errors = [_("Ce code est déjà celui d’un autre article.")]
        return False
    pictures.discard_picture(_folder(), former)
    return True


@requires("animate")
def import_articles() -> AnyResponse:
    """The catalogue from a file: all of it, or the list of its faults."""
    form = RewardsFileForm()
    done: Merged | None = None
    faults, total = [], 0  # type: list[str], int
    if form.validate_on_submit():
        try:
            with transaction():
                done = import_rewards(form.file.data, by=current_user.code, at=clock.now())
        except Faulty as faulty:
            faults, total = faulty.lines(), faulty.total
    page = render_template("rewards/import.html", form=form, done=done, faults=faults, total=total)
    return make_response(page, 422 if form.errors or faults else 200)


@requires("animate")
def import_pool(code: str) -> AnyResponse:
    """Codes for a voucher from a file: all of them, or the list of faults."""
    reward = queries.article(code) or abort(404)
    form = RewardsFileForm()
    faults, total = [], 0  # type: list[str], int
    if form.validate_on_submit():
        try:
            with transaction():
                count = import_codes(reward.code, form.file.data, by=current_user.code, at=clock.now())
            flash(_("Codes ajoutés : %(count)s.", count=count), "success")
            return redirect(url_for("rewards.edit_article", code=code))
        except Faulty as faulty:
            faults, total = faulty.lines(), faulty.total
        except ValueError as refusal:
            faults, total = [str(refusal)], 1
    page = render_template("rewards/import.html", form=form, done=None, faults=faults, total=total, reward=reward)
    return make_response(page, 422 if form.errors or faults else 200)
