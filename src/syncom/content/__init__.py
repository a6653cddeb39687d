"""Templates: written once, compiled when saved, rendered for every recipient, checked before sending."""
