"""What charts show of the past: a row a second of each site and pool, for five weeks.

Theory of operation
    Each second `service` is given a row of every site and pool (`columns` says of
    what) and has `history` write it. A series has three rings of fixed size
    (`ring.TIERS`): seconds for an hour, ten seconds for a day, minutes for five weeks.
    A row of a coarser ring is made of the finest one's when its time is over, so that
    nothing is lost between them by a restart.

    A row belongs to its Unix time, and its place in a ring follows from it. Where
    nothing was written there is nothing: a gap is NaN here, null in JSON, and never
    drawn through. A clock that is set back takes back what it had said of the time to
    come; one that is set forward leaves a gap.

    A ring is cut into pieces of 60 rows. Each minute the pieces that were written to
    go into `history.sqlite3`, on a thread, each to the place of the one that it
    follows in the ring: the file does not grow, and whatever the clock does, it holds
    what memory holds. It is of no account to anything but charts: one that is damaged
    is set aside, one that cannot be written is said once, and history goes on.
"""
