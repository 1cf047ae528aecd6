"""Every kind of Stratum V2 message, and strategies that make any of them."""

from typing import Any, get_type_hints

from hypothesis import strategies as st

from protocol.sv2 import types
from protocol.sv2.codec import Message
from protocol.sv2.message import known_types

_U32 = st.integers(0, 2**32 - 1)
_HASH = st.binary(min_size=32, max_size=32)
_TEXT = st.text(max_size=60).filter(lambda text: len(text.encode()) <= 255)

_VALUES: dict[Any, st.SearchStrategy[Any]] = {
    types.U8: st.integers(0, 255),
    types.U16: st.integers(0, 2**16 - 1),
    types.U32: _U32,
    types.U64: st.integers(0, 2**64 - 1),
    types.F32: st.floats(width=32, allow_nan=False),
    types.Bool: st.booleans(),
    types.Target: st.integers(0, 2**256 - 1),
    types.Hash: _HASH,
    types.Text: _TEXT,
    types.Code: _TEXT,
    types.Extranonce: st.binary(max_size=32),
    types.Bytes255: st.binary(max_size=255),
    types.Bytes64K: st.binary(max_size=600),
    types.OptionU32: st.none() | _U32,
    types.Hashes255: st.lists(_HASH, max_size=14).map(tuple),
    types.Hashes64K: st.lists(_HASH, max_size=14).map(tuple),
    types.U16s: st.lists(st.integers(0, 2**16 - 1), max_size=9).map(tuple),
    types.U32s: st.lists(_U32, max_size=9).map(tuple),
    types.Blobs: st.lists(st.binary(max_size=300), max_size=4).map(tuple),
    types.LateU32: _U32,
    types.Trailing: st.binary(max_size=40),
}

MESSAGES = tuple(known.cls for known in known_types())


def any_of(kind: type[Message]) -> st.SearchStrategy[Message]:
    """Return messages of `kind` with any values that the wire can carry."""
    hints = get_type_hints(kind, include_extras=True)
    fields = {name: _VALUES[hints[name]] for name in kind.__struct_fields__}
    return st.builds(kind, **fields)


ANY_MESSAGE = st.sampled_from(MESSAGES).flatmap(any_of)
