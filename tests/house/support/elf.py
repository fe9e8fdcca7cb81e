"""As much of an ELF file as the tests look at: program headers, dynamic section, imported names."""

from __future__ import annotations

import struct
from pathlib import Path

PT_LOAD, PT_DYNAMIC, PT_GNU_RELRO, PT_GNU_STACK = 1, 2, 0x6474E552, 0x6474E551
DT_NULL, DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_FLAGS, DT_FLAGS_1 = 0, 5, 6, 10, 30, 0x6FFFFFFB
DF_BIND_NOW, DF_1_NOW = 0x8, 0x1
PF_X = 1


class Elf:
    """A 64-bit little-endian shared object."""

    def __init__(self, path: Path) -> None:
        self.bytes = path.read_bytes()
        if self.bytes[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path} is no 64-bit little-endian ELF file")
        (offset,) = struct.unpack_from("<Q", self.bytes, 32)
        size, count = struct.unpack_from("<HH", self.bytes, 54)
        #: (type, flags, offset in the file, address, size in the file)
        self.segments: list[tuple[int, int, int, int, int]] = []
        for i in range(count):
            kind, flags, at, address, _, length = struct.unpack_from(
                "<IIQQQQ", self.bytes, offset + i * size
            )
            self.segments.append((kind, flags, at, address, length))
        self.dynamic: dict[int, int] = dict(self._dynamic())

    def segment(self, kind: int) -> tuple[int, int, int, int, int] | None:
        return next((segment for segment in self.segments if segment[0] == kind), None)

    def _dynamic(self) -> list[tuple[int, int]]:
        found = self.segment(PT_DYNAMIC)
        if found is None:
            return []
        _, _, at, _, length = found
        rows = list(struct.iter_unpack("<qQ", self.bytes[at : at + length]))
        return [row for row in rows if row[0] != DT_NULL]

    def binds_now(self) -> bool:
        """Is each imported function looked up when the file is loaded?"""
        flags, more = self.dynamic.get(DT_FLAGS, 0), self.dynamic.get(DT_FLAGS_1, 0)
        return bool(flags & DF_BIND_NOW or more & DF_1_NOW)

    def names(self) -> set[bytes]:
        """The strings of the dynamic symbol table: what is imported, and what is exported."""
        address, size = self.dynamic[DT_STRTAB], self.dynamic[DT_STRSZ]
        for kind, _, at, start, length in self.segments:
            if kind == PT_LOAD and start <= address < start + length:
                text = self.bytes[at + address - start :][:size]
                return set(text.split(b"\0"))
        raise ValueError("the dynamic strings lie in no segment")
