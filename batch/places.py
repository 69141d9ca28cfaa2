"""Names of files and folders: paths of this machine, and URLs. Nothing is opened."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.request import url2pathname

OF_ARROW = ("s3", "gs", "gcs", "hdfs", "viewfs")
"""Schemes that PyArrow's own file systems serve."""

QUERY = re.compile(r"\?\w+=.*", re.DOTALL)
"""Options of such a file system, at the end of a URL."""

SIGNATURES = {
    "x-amz-signature": r"x-amz-.*",
    "x-goog-signature": r"x-goog-.*",
    "signature": r"signature|policy|key-pair-id|expires|awsaccesskeyid|googleaccessid",
    "sig": r"sig|s[eprtv]|sip|spr|sk[a-z]+",
}
"""Parameters that S3, Google, CloudFront and Azure add when they sign a URL, by the one that tells
who has signed it.
"""

KEYS = ("token", "access_token", "api_key", "apikey")
"""Parameters that let their bearer read a file, and may be all that tells it from others."""


def is_url(place: str) -> bool:
    """Whether a place is a URL; `C:\\...` is none."""
    return "://" in place


def local(place: str) -> str:
    """Return the path that a URL of this machine names; other places stay as they are."""
    if not place.startswith("file://"):
        return place
    return url2pathname(place.removeprefix("file://").removeprefix("localhost"))


def absolute(place: str) -> str:
    """Return the URL, or the absolute path, of a place."""
    place = local(place)
    if is_url(place):
        path, query = split_query(place)
        return path.rstrip("/") + query
    found = Path(place).expanduser().absolute()
    if ".." in found.parts:  # the same file has one name, wherever the command is started
        found = found.resolve() if found.name == ".." else found.parent.resolve() / found.name
    return str(found)


def public(place: str) -> str:
    """Return a URL without its signature, and with digests of keys: the index may be shown to
    others, and a file has one name when its URL is signed anew. Other places stay as they are.
    """
    if not is_url(place) or "?" not in place:
        return place
    path, _, query = place.partition("?")
    parameters = [part.partition("=") for part in query.split("&")]
    names = {name.lower() for name, _, _ in parameters}
    signing = re.compile("|".join(SIGNATURES[name] for name in SIGNATURES if name in names) or "$.")
    kept = [
        f"{name}{mark}{_hidden(value) if name.lower() in KEYS else value}"
        for name, mark, value in parameters
        if not signing.fullmatch(name.lower())
    ]
    return f"{path}?{'&'.join(kept)}" if kept else path


def _hidden(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def without_queries(text: str) -> str:
    """Return a text, in which URLs end before their queries, whatever these are called."""
    return re.sub(r"(\w+://[^\s?'\"<>]+)\?[^\s'\"<>]*", r"\1", text)


def split_query(place: str) -> tuple[str, str]:
    """Split off the part of a URL that belongs to the file system, such as
    ?region=...&endpoint_override=..., with its question mark. Elsewhere, ? is part of the name.
    """
    if place.partition("://")[0] in OF_ARROW and (found := QUERY.search(place)):
        return place[: found.start()], place[found.start() :]
    return place, ""


def below(folder: str, name: str) -> str:
    """Return the path or URL of a file in a folder."""
    path, query = split_query(folder)
    return f"{path.rstrip('/')}/{name}{query}"


def parent(place: str) -> str:
    """Return the path or URL of the folder that a file lies in."""
    path, query = split_query(place)
    return path.rpartition("/")[0] + query


def name_of(place: str) -> str:
    """Return the name of a file or folder, with its ending."""
    path, _ = split_query(place)
    return path.rstrip("/").rpartition("/")[2]
