"""Challenges: files, forms, pages, scoring and life."""
