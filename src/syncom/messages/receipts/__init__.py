"""Delivery receipts: what a peer says later about a message it took.

``remember`` writes down the peer's own ids with the ledger; ``ReceiptsService`` takes receipts in any order, as often
as they come, also before the id is known; ``jobs`` finds the messages of those that came too early.
"""
