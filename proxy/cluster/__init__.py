"""Several proxies, one site."""
