"""A challenge: its period, audience, rules and life."""
