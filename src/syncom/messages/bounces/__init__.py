"""Bounces and complaints: reports of receiving servers and providers, read, matched with what was sent, acted on."""
