"""Every message of Stratum V2, from and to frames.

Importing this module makes all of them known to `decode`.
"""

from protocol.sv2 import common, job_declaration, mining, template_distribution
from protocol.sv2.message import Message, decode, encode

__all__ = [
    "Message",
    "common",
    "decode",
    "encode",
    "job_declaration",
    "mining",
    "template_distribution",
]
