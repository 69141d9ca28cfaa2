"""Files with bits turned over, as bad disks leave them."""

from collections.abc import Iterable

from triposr.inference import InputError
from triposr.inference.picture.decode import open_picture


def assert_told_or_read(content: bytes, places: Iterable[int]) -> None:
    """With any one of some bytes turned over, a file is decoded, or refused with a hint."""
    for at in places:
        broken = bytearray(content)
        broken[at] ^= 0xFF
        try:
            open_picture(bytes(broken))
        except InputError as error:
            assert error.hint
