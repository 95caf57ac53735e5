"""User names and passwords. Copy this file, fill it in, and keep it to yourself.

    cp imap_credentials.example.py imap_credentials.py && chmod 600 imap_credentials.py

It is read as text and never run. Git ignores imap_credentials.py.
"""

# One mailbox, or the default of every mailbox that has no entry below.
imap_username = ""
imap_password = ""
imap_server = ""  # for example "imap.gmail.com"
imap_port = 993
# Only with auth = oauth2: your application's secret, and a refresh token that you have already.
imap_client_secret = ""
imap_refresh_token = ""

# Several mailboxes, by the names of their [mailbox NAME] sections in config.ini.
# mailboxes = {
#     "work": {"username": "me@example.org", "password": "...", "server": "imap.example.org"},
#     "home": {"username": "me@example.com", "password": "...", "server": "imap.example.com"},
#     "gmail": {"username": "me@gmail.com", "client_secret": "...", "server": "imap.gmail.com"},
# }
