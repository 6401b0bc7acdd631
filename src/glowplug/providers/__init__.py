"""Remote APIs as data: to add one, add its row."""
