"""Products that a person keeps at hand for declaring."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from catalogue.models import Product
from declarations.models import FavouriteProduct
from declarations.queries import MOST_FAVOURITES
from foundation.database import db


class TooManyFavourites(ValueError):
    """There are as many favourites as there may be."""


def choose_favourite(person_id: int, sku: str, *, at: datetime) -> bool:
    """Keep a product at hand, or let it go when it was kept; answers whether it is kept now. A product that is not in
    the catalogue is nobody's favourite. Raises TooManyFavourites."""
    product_id = db.session.scalar(select(Product.id).where(Product.sku == sku))
    if product_id is None:
        return False
    mine = FavouriteProduct.person_id == person_id
    gone = db.session.execute(delete(FavouriteProduct).where(mine, FavouriteProduct.product_id == product_id))
    if gone.rowcount:  # type: ignore[attr-defined]
        return False
    if (db.session.scalar(select(func.count()).select_from(FavouriteProduct).where(mine)) or 0) >= MOST_FAVOURITES:
        raise TooManyFavourites(f"{MOST_FAVOURITES} products are kept already; let one go first")
    insert_new = postgresql_insert if db.engine.dialect.name == "postgresql" else sqlite_insert
    new = insert_new(FavouriteProduct).values(person_id=person_id, product_id=product_id, chosen_at=at)
    db.session.execute(new.on_conflict_do_nothing())
    return True
