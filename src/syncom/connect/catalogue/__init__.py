"""Connectors and their actions: OpenAPI documents, overlays and settings become rows that are searched and run."""
