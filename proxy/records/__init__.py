"""What is taken out of the databases: backups, exports, monthly statements.

A process of its own reads them, through connections that cannot write. None of its
reads lasts long while the proxy writes, but for a backup's: a write-ahead log is cut
short only when nobody reads what it holds.
"""
