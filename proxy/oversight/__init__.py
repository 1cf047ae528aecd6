"""The log for others: published as tiles, signed, cosigned by witnesses.

Theory of operation
    The controller's event log is also a transparency log: the leaf of a row is the very
    bytes that its hash is taken over (`journal.chain.leaf_of`). What is written
    here is never before an order: a row is durable and acted upon first, and this
    follows, every ten seconds, on a thread with a connection that cannot write.

    writer     reads new rows, writes bundles and tiles (fsync, rename), then hands over
               a checkpoint to sign; tells a history that was rewritten from its own
    publisher  runs it: tiles, what is going to be signed into the database, signature,
               witnesses, `checkpoint` last. Whoever reads the folder at any moment
               finds a checkpoint and all that it speaks of
    witnesses  asks each witness for its cosignature, none of which delays anything
    witness    is one (`baseload witness`)

    Never two truths: before a checkpoint is signed, the root at the last one's size is
    held against it, by the rows. Where they differ, or rows are missing (a restored
    backup), nothing is signed any more until an operator begins a new generation.

    Until a row is in a signed checkpoint (`every_s`) and cosigned (about as long
    again), whoever is root on this machine can rewrite it unseen; then nobody can.
"""
