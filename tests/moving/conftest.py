from tests.http.conftest import module_dsn, site

__all__ = ["module_dsn", "site"]
