"""Stand-ins that tests (ours and yours) use: a fake engine, a fake provider, a clock that can be turned."""
