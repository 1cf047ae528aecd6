"""What stands between a configuration and a site that mines: looked at, one by one.

Each check looks at one thing, says what it saw, and what to do where that is not good.
All run at once, each on a thread of its own with a deadline, and none changes anything.
"""
