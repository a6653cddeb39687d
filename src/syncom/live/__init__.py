"""What changed in an account, told to whoever looks at it right now."""
