"""What an admin can do, one noun per file.  The admin API and the command line call these and nothing below."""
