"""What is done to many chosen contacts at once, in the background, and taken back."""
