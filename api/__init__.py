"""REST, web pages, and the only owner of the database."""
