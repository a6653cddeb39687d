"""Pages of the dev inbox."""
