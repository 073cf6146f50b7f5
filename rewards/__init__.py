"""Prizes and the closing that pays them."""
