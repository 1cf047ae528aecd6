"""What reading somebody else's JSON may end in: one list for every edge."""

import msgspec

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""No JSON or not of the wanted shape, no UTF-8, nested too deeply for a parser.

A few hundred kilobytes of `[` end in RecursionError, whatever type is decoded into:
an edge that catches only msgspec's own errors falls over at them.
"""
