"""The ``membrane`` command: the integration layer from the terminal, on any server that speaks its API.

It knows nothing of this machine's installation: it is an HTTP client with a token. Nothing here is imported before
it is needed, and only the standard library on the way to a plain answer: agents call these commands in loops.
"""
