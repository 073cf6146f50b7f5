"""Tests of the whole product; tests/<package>/test_<file>.py mirrors the code."""
