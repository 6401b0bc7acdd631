"""How an engine process is run and owned.  One file per launcher."""
