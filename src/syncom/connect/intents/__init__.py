"""Search by intent: words in any language in, actions that exist and may be run out."""
