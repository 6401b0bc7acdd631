"""What others wrote, read into our own configuration document."""
