"""Sample data for `make demo`: a small shop with a past, and a campaign that is really sent."""
