"""Who may say what a site draws: signed documents, and the policy that counts them.

Pure: bytes, keys and moments come in, verdicts and budgets go out, so that the site and
whoever verifies it afterwards run the same code. Read `council` first.
"""
