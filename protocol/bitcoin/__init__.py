"""Bitcoin's own formats: hashes, targets, headers, coinbases, blocks."""
