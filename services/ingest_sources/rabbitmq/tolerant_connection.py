"""pika's connection, which no message's headers can end.

pika decodes headers as they arrive, and ends the connection where it can't: a time in milliseconds is enough. The
message would come again each time, and none behind it ever.
"""

import struct
from typing import Any

from pika import frame, spec
from pika.adapters.select_connection import SelectConnection
from pika.exceptions import InvalidFrameError

from ingest_sources.rabbitmq.field_table import decode_table

_FRAME = struct.Struct(">BHL")
_CONTENT = struct.Struct(">HHQ")
_BEFORE_HEADERS = (spec.BasicProperties.FLAG_CONTENT_TYPE, spec.BasicProperties.FLAG_CONTENT_ENCODING)


class TolerantConnection(SelectConnection):  # type: ignore[misc] # pika has no types
    """Decodes by itself the headers on which pika fails; the rest is pika's."""

    def _read_frame(self) -> Any:
        try:
            return super()._read_frame()
        except InvalidFrameError:
            raise
        except Exception:
            if (found := read_header(self._frame_buffer)) is None:
                raise
            return found


def read_header(data: bytes) -> tuple[int, frame.Header] | None:
    """Returns the frame's length and a message's properties, or None where the frame is another or has no headers.

    Where they can't be read the properties have a `problem`, which says why.
    """
    kind, channel, size = _FRAME.unpack_from(data)
    content = data[_FRAME.size : _FRAME.size + size]
    if kind != spec.FRAME_HEADER:
        return None
    _, _, body_size = _CONTENT.unpack_from(content)
    properties = _properties(content[_CONTENT.size :])
    if properties is None:
        return None
    return _FRAME.size + size + spec.FRAME_END_SIZE, frame.Header(channel, body_size, properties)


def _properties(data: bytes) -> spec.BasicProperties | None:
    (flags,) = struct.unpack_from(">H", data)
    if not flags & spec.BasicProperties.FLAG_HEADERS:
        return None
    place = 2
    for flag in _BEFORE_HEADERS:
        if flags & flag:
            place += 1 + data[place]
    end = place + 4 + struct.unpack_from(">I", data, place)[0]
    others = struct.pack(">H", flags & ~spec.BasicProperties.FLAG_HEADERS) + data[2:place] + data[end:]
    properties = spec.BasicProperties()
    properties.decode(others)
    try:
        properties.headers, _ = decode_table(data[place:end])
    except (ValueError, IndexError, struct.error) as error:
        properties.problem = f"its headers can't be read: {error}"
    return properties
