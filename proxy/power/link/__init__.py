"""The messages between the share process and the site controller."""
