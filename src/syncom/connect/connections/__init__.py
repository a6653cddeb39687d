"""Connections: a tenant's authenticated links to apps, and the vault of their credentials."""
