"""Texts that people send to the account's numbers: kept, read for STOP, HELP and START, and told of as events.

``keywords`` reads them, ``service`` keeps them and acts, ``answers`` says what is answered.
"""
