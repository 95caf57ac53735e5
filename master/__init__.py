"""The master: takes pushes, keeps the raw bytes, parses, delivers."""
