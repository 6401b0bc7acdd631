"""What each kind of engine speaks: how it is started, probed and read.  One file per engine."""
