"""The demonstration network: Maison Ondrivelle, a French cosmetics brand that does not exist.

`content.py` reads the data files beside it, `plans.py` and `sales.py` turn them into challenges and sales around a
given instant (pure and deterministic), `shopping.py` and `pictures.py` make the shop, `filling.py` tells all of it to
the product through its real operations.
"""
