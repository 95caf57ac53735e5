"""Real servers that tests start on free ports, in folders of their own."""
