"""Webhooks and actions that steps call: ``keeper`` makes them, ``attempts`` is one request, ``actions`` runs those of
connections."""
