"""What shares and joules prove of a site, held against what was ordered."""
