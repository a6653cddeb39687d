"""Mails that came back, read: what they report, and which message of ours they may be about."""
