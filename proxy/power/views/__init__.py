"""What operators are shown of a site's power."""
