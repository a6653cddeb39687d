"""What providers of texts post to us: delivery receipts, and texts that people send to the sender's numbers.

``posted`` is a request of theirs, ``signatures`` says whether it is theirs, ``reading`` what it says.
"""
