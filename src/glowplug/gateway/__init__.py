"""The data plane process: accepts, admits, relays and accounts model traffic."""
