"""Event files as TensorBoard reads them, by the standard library: TFRecord's frames, protobuf's fields, and its rule for runs that
were started again."""

import pathlib
import struct


def crc32c(data):
    """CRC-32C, a bit at a time."""
    rest = 0xFFFFFFFF
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = rest >> 1 ^ (0x82F63B78 if rest & 1 else 0)
    return rest ^ 0xFFFFFFFF


def masked(data):
    rest = crc32c(data)
    return ((rest >> 15 | rest << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    """Whole records; what follows is one that is being written."""
    while len(data) >= 12:
        length, check = struct.unpack("<QI", data[:12])
        assert masked(data[:8]) == check
        if len(data) < length + 16:
            return
        content = data[12:12 + length]
        assert masked(content) == struct.unpack("<I", data[12 + length:16 + length])[0]
        yield content
        data = data[16 + length:]


def varint(data, at):
    value, shift = 0, 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """(number, value) of a message: whole numbers, bytes, or the bytes of a float or double."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        else:
            size, at = {1: (8, at), 5: (4, at)}.get(kind) or varint(data, at)
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def events(file):
    """Of each event: its time, its step, and "version", "start" or the values by tag."""
    for content in records(pathlib.Path(file).read_bytes()):
        found = dict(fields(content))
        time, step = struct.unpack("<d", found.get(1, bytes(8)))[0], found.get(2, 0)
        if 3 in found:
            assert found[3] == b"brain.Event:2"
            yield time, step, "version"
        elif 7 in found:
            assert dict(fields(found[7])) == {1: 1}
            yield time, step, "start"
        else:
            values = [dict(fields(value)) for number, value in fields(found[5]) if number == 1]
            yield time, step, {value[1].decode(): struct.unpack("<f", value[2])[0] for value in values}


def points(folder):
    """What TensorBoard shows of a folder: by tag, its [(step, value)]."""
    shown = {}
    for file in sorted(pathlib.Path(folder).glob("*tfevents*")):
        for at, (_, step, what) in enumerate(events(file)):
            assert (what == "version") == (at == 0)
            if what == "start":
                shown = {tag: [point for point in of_tag if point[0] < step] for tag, of_tag in shown.items()}
            elif what != "version":
                for tag, value in what.items():
                    shown.setdefault(tag, []).append((step, value))
    return shown
