"""The project's benchmark: an upstream and a load client in C, and a runner that compares gateways."""
