"""Reading another installation, and bringing it here."""
