"""Watched pages, their files, and the digests of them."""
