"""Standings, ranks and frozen boards."""
