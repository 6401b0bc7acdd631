"""Programs of other people that ask models: what each is told so that it asks here."""
