"""Tests of foundation/."""
