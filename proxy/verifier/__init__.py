"""Verifies a copy of a site's log, offline: `baseload verify`.

It trusts keys alone, needs no site and no database, and imports `protocol` alone.
Leaves are read a bundle at a time: a year takes no more memory than a day.

    folder     the files: every one that a log of this size has, and what else is there
    signatures who signed and cosigned the checkpoint, and whether that is enough
    reading    leaves to root; each leaf to those who look at its kind
    order      ids without gap, clocks, starts
    report     what was found
"""
