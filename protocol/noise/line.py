"""The ends of an encrypted connection where they stood before 0.1: `protocol.sv2.line`.

Programs of others that speak V2 with this codec import them from here.
"""

from protocol.sv2.line import ClientLine, Line, ServerLine

__all__ = ["ClientLine", "Line", "ServerLine"]
