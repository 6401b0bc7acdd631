"""The routes of the control process, one noun a file; each module has `routes(services)`."""
