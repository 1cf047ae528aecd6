"""Bitcoin nodes: templates from them, blocks to them."""
