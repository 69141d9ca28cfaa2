"""The job contract: events in order, one last event, cancel and failure at any time."""

import threading

import pytest

from triposr.tasks.job import Cancelled, Done, Failed, Progress, Stopped, ThreadJob

SOON = 10.0


def finish(job: ThreadJob) -> list:
    job.start()
    assert job.join(SOON)
    return job.poll()


def test_events_in_order_then_the_result() -> None:
    def work(tick):
        for number in range(3):
            tick("encode", number / 2)
        return "mesh"

    events = finish(ThreadJob(work, "test"))
    assert events == [*(Progress("encode", n / 2) for n in range(3)), Done("mesh")]


def test_failure_is_the_last_event() -> None:
    error = ValueError("no")

    def work(tick):
        tick("load", 0.0)
        raise error

    assert finish(ThreadJob(work, "test")) == [Progress("load", 0.0), Failed(error)]


def test_cancel_answers_at_the_next_tick() -> None:
    started, go_on = threading.Event(), threading.Event()
    reached = []

    def work(tick):
        tick("encode", 0.0)
        started.set()
        go_on.wait(SOON)
        reached.append("before")
        tick("encode", 0.5)
        reached.append("after")

    job = ThreadJob(work, "test")
    job.start()
    assert started.wait(SOON)
    job.cancel()
    job.cancel()
    go_on.set()
    assert job.join(SOON)
    assert reached == ["before"]
    assert job.poll()[-1] == Stopped()


def test_cancel_before_the_start() -> None:
    job = ThreadJob(lambda tick: tick("load", 0.0), "test")
    job.cancel()
    assert finish(job) == [Stopped()]


def test_a_result_that_comes_after_the_cancel_is_dropped() -> None:
    job = ThreadJob(lambda tick: "mesh", "test")
    job.cancel()
    assert finish(job) == [Stopped()]


def test_poll_never_blocks_and_gives_each_event_once() -> None:
    go_on = threading.Event()
    job = ThreadJob(lambda tick: go_on.wait(SOON), "test")
    assert job.poll() == []
    job.start()
    assert job.poll() == []
    assert not job.join(0.0)
    go_on.set()
    assert job.join(SOON)
    assert job.poll() == [Done(True)]
    assert job.poll() == []


def test_join_before_the_start() -> None:
    assert ThreadJob(lambda tick: None, "test").join(0.0)


def test_the_work_may_clean_up_when_cancelled() -> None:
    cleaned = []

    def work(tick):
        try:
            while True:
                tick("extract", 0.0)
        except Cancelled:
            cleaned.append(True)
            raise

    job = ThreadJob(work, "test")
    job.start()
    job.cancel()
    assert job.join(SOON)
    assert cleaned
    assert job.poll()[-1] == Stopped()


@pytest.mark.parametrize("error", [MemoryError("full"), OSError(28, "full"), SystemExit(1)])
def test_every_kind_of_error_becomes_an_event(error: BaseException) -> None:
    def work(tick):
        raise error

    assert finish(ThreadJob(work, "test")) == [Failed(error)]
