"""Alarms that reach people.

Theory of operation
    Each second the process is looked at (`admin/conditions`), and what an operator
    must know comes out as *conditions*: a kind, a site, how bad it is, a sentence and
    the names behind it. `standing.StandingAlarms` makes alarms of them: one a kind and
    site, however many machines or pools are behind it. It begins when its condition
    has held for its time, and is over when that has not held for a minute, so that
    what comes and goes is one alarm.

    Each row of `[[alerts]]` has a `delivery.Delivery`. It does not queue what
    happened: it knows what its receiver was last told, compares that with what stands,
    and sends the difference (begins, worse, still, cleared), gathered for five seconds.
    So a receiver that was away learns how things are and not what it missed; only what
    began and ended meanwhile is kept for it, for a day. What was told, and what was
    not yet, is kept in the state folder: after a restart nobody hears the same twice,
    and what is over by then is said to be, to who never heard of it as well.

    A receiver that cannot be reached is an alarm itself, for the other receivers, and
    tried again, ever more slowly. `heartbeat` is the way round: a url that is fetched
    while all is well, at somebody who raises the alarm when that ends.
"""
