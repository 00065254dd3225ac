#!/usr/bin/env python3
"""Reads a file that test_safetensors.c wrote, by the format's description and not by libgan's code, and checks what is in it. With NumPy it
also goes through the reader that docs/file-formats.md shows."""
import json
import struct
import sys

FORMATS = {"F32": ("f", 4), "F64": ("d", 8), "I32": ("i", 4), "U8": ("B", 1)}


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length].decode("utf-8"))
    assert (8 + length) % 8 == 0, "the data are not aligned"
    data = data[8 + length:]
    metadata = header.pop("__metadata__")
    tensors, end = {}, 0
    for name, entry in header.items():
        begin, stop = entry["data_offsets"]
        assert begin == end, f"a gap or an overlap before {name}"
        end = stop
        letter, size = FORMATS[entry["dtype"]]
        count = (stop - begin) // size
        product = 1
        for axis in entry["shape"]:
            product *= axis
        assert product == count
        tensors[name] = (entry["shape"], list(struct.unpack(f"<{count}{letter}", data[begin:stop])))
    assert end == len(data), "bytes behind the tensors"
    return metadata, tensors


def read_numpy(path):
    """As in docs/file-formats.md."""
    import numpy
    types = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "U8": "u1"}
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    return {name: numpy.frombuffer(data[slice(*t["data_offsets"])], types[t["dtype"]]).reshape(t["shape"]) for name, t in header.items()}


def main():
    metadata, tensors = read(sys.argv[1])
    single = struct.unpack("<f", struct.pack("<f", 1e-30))[0]
    expected = {
        "0.weight": ([2, 3], [1, -2, 3.5, 4, 5, single]),
        "double": ([2], [0.1, -1e300]),
        "u\"8\u00e9": ([5], [0, 1, 2, 254, 255]),
        "int": ([3], [-2147483648, 0, 2147483647]),
        "scalar": ([], [42]),
        "empty": ([0, 4], []),
    }
    assert tensors == expected, tensors
    assert list(tensors) == list(expected), "another order"
    assert metadata["key"] == '{"json":"in json"}\n' and metadata["format"] == "pt" and len(metadata["gan.checksum"]) == 16
    try:
        arrays = read_numpy(sys.argv[1])
    except ImportError:
        return 0
    for name, (shape, values) in expected.items():
        assert list(arrays[name].shape) == shape and arrays[name].ravel().tolist() == values, name
    return 0


if __name__ == "__main__":
    sys.exit(main())
