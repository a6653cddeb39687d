"""Runs of actions: requests built, sent, repeated, paged through, shaped and recorded."""
