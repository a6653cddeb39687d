"""Streaming HTTP towards apps, behind the guard."""
