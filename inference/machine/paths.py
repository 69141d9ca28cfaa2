"""Paths of files as people write or copy them."""

from __future__ import annotations

import os
import re
import socket
import urllib.parse
import urllib.request


def local_path(name: str) -> str:
    """Return the path that a name stands for if it is a file's address (file://) or begins with ~.

    Anything else, such as an address on another computer, is returned unchanged.
    """
    address = re.fullmatch("file:(?://([^/]*))?(/.*)", name, re.IGNORECASE | re.DOTALL)
    if address is None:
        return os.path.expanduser(name)
    host, path = address.groups()
    if host and host.lower() not in ("localhost", socket.gethostname().lower()):
        return name
    if os.name == "nt":
        return urllib.request.url2pathname(path)
    return os.fsdecode(urllib.parse.unquote_to_bytes(os.fsencode(path)))  # may be no UTF-8
