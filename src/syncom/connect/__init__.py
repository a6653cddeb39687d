"""The integration layer: every app reachable by intent, no credential ever in a caller's hands."""
