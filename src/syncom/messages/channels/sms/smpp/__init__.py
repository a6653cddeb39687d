"""SMPP 3.4: texts through a bind at an SMSC, with receipts and the texts that people write back.

``segments`` makes the parts of a text, ``pdu`` and ``session`` speak the protocol, ``statuses`` says what a refusal
means, ``delivered`` reads what the SMSC brings, ``pool`` carries.
"""
