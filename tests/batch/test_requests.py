"""What an object storage is asked for each file, which is what it bills."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from triposr.batch.storage import Folder

BUCKET = "farm"

Asked = list[tuple[str, str]]
"""Method and key of each request."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Asked]]:
    """The address of an S3 server on loopback with an empty bucket, and what it is asked."""
    import boto3
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    requests: Asked = []
    application = DomainDispatcherApplication(create_backend_app)

    def counting(environment: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        requests.append((environment["REQUEST_METHOD"], environment["PATH_INFO"]))
        return application(environment, start)

    server = make_server("127.0.0.1", 0, counting, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    place = f"127.0.0.1:{server.server_port}"
    made = boto3.resource("s3", endpoint_url=f"http://{place}", region_name="us-east-1")
    bucket = made.create_bucket(Bucket=BUCKET)
    requests.clear()
    yield place, requests
    bucket.objects.all().delete()
    server.shutdown()
    thread.join()


def test_a_file_costs_one_request(asked: tuple[str, Asked]) -> None:
    place, requests = asked
    url = f"s3://{BUCKET}/out?region=us-east-1&scheme=http&endpoint_override={place}"
    folder = Folder(url)
    content = bytes(range(256)) * 20_000  # 5 MB
    folder.write("objects/chair.glb", content)
    assert requests == [("PUT", f"/{BUCKET}/out/objects/chair.glb")]
    assert folder.read("objects/chair.glb") == content
