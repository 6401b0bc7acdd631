"""Asks every model what it promises, through the public port, as a client would."""
