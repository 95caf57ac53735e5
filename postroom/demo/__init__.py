"""A small office to try Postroom with: sample mails, a mail server, all daemons at once."""
