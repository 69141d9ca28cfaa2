"""Blocks side by side: all of them, once, and torch's settings as they were."""

import threading
import time

import pytest
import torch

from triposr.inference.surface.workers import CPU_BLOCK, Workers

CPU = torch.device("cpu")


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("total", [0, 1, CPU_BLOCK, 5 * CPU_BLOCK + 7])
def test_every_point_once(three_threads, total: int) -> None:
    seen = torch.zeros(total)
    done: list[float] = []

    def work(block: slice) -> None:
        assert torch.is_inference_mode_enabled()
        seen[block] += 1

    with Workers(CPU) as workers:
        workers.each(work, total, done.append)
    assert (seen == 1).all()
    assert done == sorted(done)
    assert not total or done[-1] == 1


def test_each_thread_has_a_core_and_the_caller_keeps_all(three_threads) -> None:
    threads: dict[str, int] = {}
    all_there = threading.Barrier(3)

    def work(block: slice) -> None:
        all_there.wait(30)
        threads[threading.current_thread().name] = torch.get_num_threads()

    with Workers(CPU) as workers:
        workers.each(work, 3 * CPU_BLOCK, lambda done: None)
        assert torch.get_num_threads() == 3
    assert list(threads.values()) == [1, 1, 1]
    later: list[int] = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [3]


def test_leaving_stops_the_rest(three_threads) -> None:
    calls: list[slice] = []

    def work(block: slice) -> None:
        calls.append(block)
        time.sleep(0.001)

    def stop(done: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Workers(CPU) as workers:
        workers.each(work, 1000 * CPU_BLOCK, stop)
    assert 0 < len(calls) < 1000
    assert not [t for t in threading.enumerate() if t.name.startswith("triposr")]


def test_errors_arrive(three_threads) -> None:
    def fail(block: slice) -> None:
        raise MemoryError

    with pytest.raises(MemoryError), Workers(CPU) as workers:
        workers.each(fail, 10 * CPU_BLOCK, lambda done: None)


def test_blocks_shrink_when_memory_runs_out() -> None:
    seen = torch.zeros(100_000)
    largest = 20_000

    def work(block: slice) -> None:
        if block.stop - block.start > largest:
            raise torch.OutOfMemoryError
        seen[block] += 1

    workers = Workers(CPU)
    workers.block = 80_000
    workers.each(work, len(seen), lambda done: None)
    assert (seen == 1).all()
    largest = 10
    with pytest.raises(torch.OutOfMemoryError):
        workers.each(work, len(seen), lambda done: None)


def test_without_threads() -> None:
    seen: list[slice] = []
    Workers(CPU).each(seen.append, CPU_BLOCK + 1, lambda done: None)
    assert seen == [slice(0, CPU_BLOCK), slice(CPU_BLOCK, CPU_BLOCK + 1)]
