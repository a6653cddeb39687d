"""Dry runs: ``service`` finds what lets contacts in, ``past`` takes it in its order, ``walking`` walks journeys in
thought, ``tracing`` tells of one. Nothing is written."""
