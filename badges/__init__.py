"""Lasting recognition: definitions, conditions, grants, pictures."""
