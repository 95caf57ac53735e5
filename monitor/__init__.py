"""Watches pages for new files: downloads, stores, tells of them; keeps no state."""
