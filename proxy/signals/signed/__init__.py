"""A signal whose words are documents that parties sign: read `source` first."""
