"""Records what real clients send, without the prose that is theirs."""
