"""Transparency logs: RFC 6962 trees, and the formats of C2SP around them.

tree          hashes, roots, inclusion and consistency proofs (RFC 6962, RFC 9162)
tile          c2sp.org/tlog-tiles: paths, bundles, the unfinished edge of a log
note          c2sp.org/signed-note: texts, signature lines, verifier keys
checkpoint    c2sp.org/tlog-checkpoint: origin, size, root
cosignature   c2sp.org/tlog-cosignature: what a witness signs
witnessing    c2sp.org/tlog-witness: a request of add-checkpoint
proof         c2sp.org/tlog-proof: that one leaf is in a log, for those who are offline
trust         c2sp.org/tlog-policy: which logs, which witnesses, how many of them
"""
