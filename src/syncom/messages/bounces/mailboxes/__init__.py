"""Mailboxes that bounces come to, where no SMTP server of ours can be reached."""
