"""Who plays: people, outlets, segments, sign-in."""
