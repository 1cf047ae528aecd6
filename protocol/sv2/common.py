"""Messages that every protocol of Stratum V2 has. Spec: SV2 03, Common Messages."""

from enum import IntEnum, IntFlag

from protocol.sv2.message import Message, message
from protocol.sv2.types import U8, U16, U32, Code, Text, U16s

VERSION = 2
"""The only version there is."""

EXTENSIONS_NEGOTIATION = 0x0001
WORKER_TRACKING = 0x0002
"""A share of an extended channel names its worker."""


class Protocol(IntEnum):
    """What a connection is for."""

    MINING = 0
    JOB_DECLARATION = 1
    TEMPLATE_DISTRIBUTION = 2


class SetupFlag(IntFlag):
    """What a mining client cannot do without."""

    REQUIRES_STANDARD_JOBS = 1
    REQUIRES_WORK_SELECTION = 2
    REQUIRES_VERSION_ROLLING = 4


class SuccessFlag(IntFlag):
    """What a mining server cannot do without; not the client's flags."""

    REQUIRES_FIXED_VERSION = 1
    REQUIRES_EXTENDED_CHANNELS = 2


@message(0x00)
class SetupConnection(Message, frozen=True):
    """A client introduces itself: the first message of a connection."""

    protocol: U8
    min_version: U16
    max_version: U16
    flags: U32
    endpoint_host: Text
    endpoint_port: U16
    vendor: Text
    hardware_version: Text
    firmware: Text
    device_id: Text


@message(0x01)
class SetupConnectionSuccess(Message, frozen=True):
    """The server takes the client on."""

    used_version: U16
    flags: U32


@message(0x02)
class SetupConnectionError(Message, frozen=True):
    """The server hangs up; `flags` are those it does not support."""

    flags: U32
    error_code: Code


@message(0x03, is_channel=True)
class ChannelEndpointChanged(Message, frozen=True):
    """What was known about the channel's other end does not hold any more."""

    channel_id: U32


@message(0x04)
class Reconnect(Message, frozen=True):
    """Connect anew: there where empty and 0 mean here."""

    new_host: Text
    new_port: U16


@message(0x00, extension=EXTENSIONS_NEGOTIATION)
class RequestExtensions(Message, frozen=True):
    """A client asks for extensions, at once after SetupConnection.Success."""

    request_id: U16
    requested: U16s


@message(0x01, extension=EXTENSIONS_NEGOTIATION)
class RequestExtensionsSuccess(Message, frozen=True):
    """Those of the requested extensions that the server has."""

    request_id: U16
    supported: U16s


@message(0x02, extension=EXTENSIONS_NEGOTIATION)
class RequestExtensionsError(Message, frozen=True):
    """None of the requested extensions, or one is missing."""

    request_id: U16
    unsupported: U16s
    required: U16s
