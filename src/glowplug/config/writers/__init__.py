"""Our configuration document, written as others read it."""
