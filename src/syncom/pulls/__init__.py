"""Contacts and orders pulled out of connected apps, on a schedule."""
