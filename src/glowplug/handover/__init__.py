"""The page that the next person needs, made of facts."""
