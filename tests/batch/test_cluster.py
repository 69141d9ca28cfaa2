"""How the command joins a cluster, without one."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from batch_runs import FakeRay

from triposr.batch import cluster
from triposr.batch.cluster import Resources, start_ray
from triposr.inference.errors import TripoSRError


@pytest.fixture
def address() -> Iterator[str]:
    """Somebody answers there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        ("No node info found. More.", "cannot be joined (No node info found)"),
        (
            "Failed to connect to GCS. Last: RPC error: InvalidAuthToken: missing",
            "asks for a token that this machine does not have",
        ),
    ],
)
def test_a_cluster_that_refuses(address: str, monkeypatch, cause: str, said: str) -> None:
    error = ConnectionError("Failed to connect to Ray cluster at somewhere")
    error.__cause__ = RuntimeError(cause)
    ray = FakeRay(monkeypatch, error)
    with pytest.raises(TripoSRError) as caught:
        start_ray(Resources(address=address))
    assert str(caught.value.message) == f"The Ray cluster at {address} {said}"
    assert [start["address"] for start in ray.starts] == [address] and ray.ends == 1


@pytest.mark.parametrize("has_token", [True, False])
def test_the_token_of_this_machine(
    address: str, tmp_path: Path, monkeypatch, has_token: bool
) -> None:
    """A cluster that was started where a batch has run before asks for it."""
    FakeRay(monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    if has_token:
        (tmp_path / ".ray").mkdir()
        (tmp_path / ".ray" / "auth_token").write_text("0" * 64)
    start_ray(Resources(address=address))
    assert os.environ.pop("RAY_AUTH_MODE", "") == ("token" if has_token else "")


def test_a_user_without_a_home(monkeypatch) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # what it does then
    assert not cluster._has_token()
