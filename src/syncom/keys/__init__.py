"""The installation's master keys: whether the key file fits the database, and moving to a new key."""
