"""Webhooks of mail providers: bounces, complaints and deliveries of what was sent through them."""
