"""Signatures that people make with the tools they have: OpenSSH and minisign."""
