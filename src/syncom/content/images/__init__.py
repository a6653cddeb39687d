"""The gallery: pictures that mails link to."""
