"""The ASICs' own control APIs."""
