"""Mails: how they enter, how they are shown, listed, exported and read again."""
