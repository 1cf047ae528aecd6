"""Frames shown to somebody else as they pass: before they are sealed, once opened."""

from collections.abc import Callable, Iterator

from attrs import define
from typing_extensions import override

from protocol.sv2.frame import Frame, build_frame
from protocol.sv2.transport import FrameTransport

NoteFrame = Callable[[bool, bytes], None]
"""Takes whether a frame is ours, and the whole of it in the clear."""


@define
class TappedTransport(FrameTransport):
    """Passes frames on to `inner`, and shows each to `note`."""

    inner: FrameTransport
    note: NoteFrame

    @override
    def seal(self, frame: bytes) -> bytes:
        self.note(True, frame)
        return self.inner.seal(frame)

    @override
    def receive(self, data: bytes) -> Iterator[Frame]:
        for frame in self.inner.receive(data):
            whole = build_frame(
                frame.extension,
                frame.type,
                frame.payload,
                is_channel=frame.is_channel,
            )
            self.note(False, whole)
            yield frame
