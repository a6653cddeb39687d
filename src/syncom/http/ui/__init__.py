"""The web application: its built files, and the pages that start it. Its source is in ``ui/``."""
