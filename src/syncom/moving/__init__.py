"""Moving an account here from eSputnik, or from another installation: through the API that both speak."""
