"""Translation between wires: pure, bytes and values in, bytes out."""
