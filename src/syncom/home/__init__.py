"""What the first page of an account says: what happened, what runs, what needs a person, what to do next."""
