"""Who mails are from, provably: sending domains, the keys that sign for them, and what DNS says about them."""
