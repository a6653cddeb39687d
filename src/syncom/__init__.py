"""Syncom: an open-source marketing automation platform on PostgreSQL."""

__version__ = "0.1.0"
