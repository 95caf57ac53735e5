"""The routes, a blueprint a resource."""
