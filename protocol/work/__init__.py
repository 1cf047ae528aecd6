"""Jobs, shares and the rules that judge one against the other."""
