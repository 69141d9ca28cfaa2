"""Tasks take their turn; what fails, is canceled or is dropped leaves the queue usable."""

import threading
import time
from collections.abc import Callable

import pytest

from triposr.tasks.queue import FAILURES, Outcome, Queue, State, Task, Words, overall_fraction

SOON = 10.0
STAGES = {"encode": ("Reading", 0.4), "extract": ("Extracting", 0.6)}
WORDS = Words(
    starting="Starting",
    canceling="Canceling",
    canceled=lambda title: f"{title} was canceled",
    explain=lambda error: (f"{type(error).__name__}: {error}", "Try again"),
)


class Artist:
    """Queue with a record of all its calls."""

    def __init__(self, keeps_failed: bool = True) -> None:
        self.woken, self.shown = 0, 0
        self.reported: list[tuple[str, str]] = []
        self.delivered: list[object] = []
        self.queue = Queue(WORDS, self._wake, self._show, self._report, keeps_failed)

    def _wake(self) -> None:
        self.woken += 1

    def _show(self) -> None:
        self.shown += 1

    def _report(self, message: str, hint: str) -> None:
        self.reported.append((message, hint))

    def deliver(self, result: object) -> Outcome:
        self.delivered.append(result)
        return Outcome(f"{result} is there", result)

    def task(self, title: str, work: Callable | None = None, **more: object) -> Task:
        return Task(title, STAGES, work or (lambda tick: title), self.deliver, **more)

    def submit(self, *titles: str, **more: object) -> None:
        for title in titles:
            self.queue.submit(self.task(title, **more))

    def finish(self) -> None:
        """Pump until there is nothing to do."""
        deadline = time.monotonic() + SOON
        while self.queue.pump():
            assert time.monotonic() < deadline, self.queue.state
            time.sleep(0.001)


@pytest.fixture
def artist() -> Artist:
    return Artist()


class Held:
    """Work that waits until it is let go, and ticks before and after."""

    def __init__(self, result: object = "held") -> None:
        self.result = result
        self.began, self.go_on = threading.Event(), threading.Event()

    def __call__(self, tick: Callable[[str, float], None]) -> object:
        tick("encode", 0.5)
        self.began.set()
        assert self.go_on.wait(SOON)
        tick("extract", 0.5)
        return self.result


@pytest.fixture
def held(artist: Artist) -> Held:
    """Work that runs in the queue until it is let go."""
    work = Held()
    artist.queue.submit(artist.task("held", work))
    assert work.began.wait(SOON)
    return work


def titles(artist: Artist) -> list[str]:
    return [task.title for task in artist.queue.waiting()]


def test_tasks_run_in_the_order_in_which_they_came(artist: Artist) -> None:
    artist.submit("one", "two", "three")
    assert artist.woken == 3 and titles(artist) == ["two", "three"]
    artist.finish()
    assert artist.delivered == ["one", "two", "three"]
    assert not artist.queue.is_running() and artist.queue.state.ended == 3
    assert artist.queue.state.message == "three is there"


def test_the_state_follows_the_work(artist: Artist, held: Held) -> None:
    state = artist.queue.state
    assert (state.title, state.label, state.fraction) == ("held", "Starting", 0.0)
    before = artist.shown
    assert artist.queue.pump()
    assert (state.label, state.fraction) == ("Reading", pytest.approx(0.2))
    assert artist.shown == before + 1
    assert artist.queue.pump() and artist.shown == before + 1, "nothing new, nothing drawn"
    held.go_on.set()
    artist.finish()
    assert state.ended == 1 and not state.failed and artist.delivered == ["held"]


def test_a_stage_may_be_described(artist: Artist) -> None:
    said: list[tuple[str, float]] = []

    def describe(stage: str, fraction: float) -> str:
        said.append((stage, fraction))
        return f"{fraction:.0%} of {stage}"

    work = Held()
    artist.queue.submit(artist.task("download", work, describe=describe))
    assert work.began.wait(SOON)
    artist.queue.pump()
    assert artist.queue.state.label == "50% of encode" and said == [("encode", 0.5)]
    work.go_on.set()
    artist.finish()


def test_results_wait_while_nothing_may_be_delivered(artist: Artist) -> None:
    artist.submit("one")
    deadline = time.monotonic() + SOON
    while not artist.queue._job.join(0.01):
        assert time.monotonic() < deadline
    for _ in range(3):
        assert artist.queue.pump(may_deliver=False)
    assert artist.delivered == [] and artist.queue.is_running()
    artist.finish()
    assert artist.delivered == ["one"]


def test_waiting_tasks_are_moved_and_removed(artist: Artist, held: Held) -> None:
    artist.submit("one", "two", "three")
    artist.queue.move(2, -1)
    assert titles(artist) == ["one", "three", "two"]
    artist.queue.move(0, -1)
    artist.queue.move(0, 1)
    assert titles(artist) == ["three", "one", "two"]
    artist.queue.remove(1)
    assert titles(artist) == ["three", "two"]
    held.go_on.set()
    artist.finish()
    assert artist.delivered == ["held", "three", "two"]


def test_a_group_goes_together(artist: Artist) -> None:
    work = Held()
    artist.queue.submit(artist.task("first", work, group="scene"))
    artist.submit("second", group="scene")
    artist.submit("other")
    assert work.began.wait(SOON)
    artist.queue.remove_group("scene")
    work.go_on.set()
    artist.finish()
    assert artist.delivered == ["other"]


@pytest.mark.parametrize("everything", [False, True])
def test_cancel(artist: Artist, held: Held, everything: bool) -> None:
    artist.submit("next")
    (artist.queue.cancel_all if everything else artist.queue.cancel)()
    state = artist.queue.state
    assert state.canceling and state.label == "Canceling"
    artist.queue.pump()
    assert state.label == "Canceling", "late progress does not hide it"
    held.go_on.set()
    while artist.queue.state.title == "held" and artist.queue.pump():
        pass
    if everything:
        assert state.message == "held was canceled" and state.canceled
    artist.finish()
    assert artist.delivered == ([] if everything else ["next"])
    assert artist.reported == []


def test_cancel_wins_over_a_result_that_is_there(artist: Artist) -> None:
    artist.submit("one")
    assert artist.queue._job.join(SOON)
    artist.queue.cancel()
    artist.finish()
    assert artist.delivered == [] and artist.queue.state.canceled


def test_cancel_without_a_task_changes_nothing(artist: Artist) -> None:
    artist.queue.cancel()
    assert artist.queue.state == State() and artist.shown == 0


def failing(error: BaseException) -> Callable:
    def work(tick: Callable[[str, float], None]) -> None:
        raise error

    return work


@pytest.mark.parametrize("error", [ValueError("odd"), MemoryError(), SystemExit(1)])
def test_a_failure_is_reported_and_the_next_task_runs(artist: Artist, error) -> None:
    after: list[str] = []
    failed = artist.task("bad", failing(error), on_failure=lambda: after.append("failed"))
    artist.queue.submit(failed)
    artist.submit("good")
    artist.finish()
    [(message, hint)] = artist.reported
    assert message.startswith(type(error).__name__) and hint == "Try again"
    assert artist.delivered == ["good"] and after == ["failed"]
    assert [failure.title for failure in artist.queue.failed()] == ["bad"]
    state = artist.queue.state
    assert (state.ended, state.failed, state.error, state.hint) == (2, 1, message, hint)


def test_a_failed_delivery_is_a_failure(artist: Artist) -> None:
    def deliver(_: object) -> Outcome:
        raise KeyError("object")

    artist.queue.submit(Task("one", STAGES, lambda tick: 1, deliver))
    artist.submit("two")
    artist.finish()
    assert artist.queue.failed()[0].message.startswith("KeyError")
    assert artist.delivered == ["two"]


def test_retry(artist: Artist) -> None:
    made: list[str] = []

    def again() -> Task:
        made.append("again")
        return artist.task("mended")

    artist.queue.submit(artist.task("bad", failing(ValueError("1")), again=again))
    artist.queue.submit(artist.task("worse", failing(ValueError("2"))))
    artist.finish()
    artist.queue.retry(0)
    artist.finish()
    assert made == ["again"] and artist.delivered == ["mended"]
    assert [failure.title for failure in artist.queue.failed()] == ["worse"]
    artist.queue.retry_all()
    artist.finish()
    assert [failure.title for failure in artist.queue.failed()] == ["worse"], "it failed again"


def test_what_cannot_be_made_again_stays_with_its_new_reason(artist: Artist) -> None:
    def again() -> Task:
        raise FileNotFoundError("gone")

    artist.queue.submit(artist.task("bad", failing(ValueError("1")), again=again))
    artist.finish()
    artist.queue.retry_all()
    [failure] = artist.queue.failed()
    assert failure.message == "FileNotFoundError: gone" and not artist.queue.is_running()


def test_only_so_many_failures_are_kept(artist: Artist) -> None:
    for number in range(FAILURES + 3):
        artist.queue.submit(artist.task(str(number), failing(ValueError())))
    artist.finish()
    assert artist.queue.failed()[0].title == "3"
    assert len(artist.queue.failed()) == FAILURES


def test_a_queue_without_retry_keeps_no_failure() -> None:
    artist = Artist(keeps_failed=False)
    artist.queue.submit(artist.task("bad", failing(ValueError("odd"))))
    artist.finish()
    assert artist.queue.failed() == () and artist.queue.state.error


def test_a_new_task_forgets_what_the_last_ones_left(artist: Artist) -> None:
    artist.queue.submit(artist.task("bad", failing(ValueError("odd"))))
    artist.submit("good")
    artist.finish()
    artist.submit("next")
    state = artist.queue.state
    assert (state.ended, state.failed, state.error, state.message) == (0, 0, "", "")
    artist.finish()


def test_dismiss(artist: Artist) -> None:
    artist.queue.submit(artist.task("bad", failing(ValueError("odd"))))
    artist.finish()
    artist.queue.dismiss()
    assert not artist.queue.failed() and not artist.queue.state.error


def test_drop_leaves_a_message_and_nothing_of_the_results(artist: Artist, held: Held) -> None:
    artist.submit("next")
    artist.queue.drop("Another file was opened")
    state = artist.queue.state
    assert not artist.queue.is_running() and titles(artist) == []
    assert state.message == "Another file was opened" and state.canceled
    artist.submit("new")
    artist.finish()
    assert artist.delivered == ["new"], "it does not wait for the one that was dropped"
    held.go_on.set()
    assert artist.queue.join(SOON)
    artist.finish()
    assert artist.delivered == ["new"]


def test_join_says_whether_the_threads_have_ended(artist: Artist, held: Held) -> None:
    assert not artist.queue.join(0.01)
    held.go_on.set()
    assert artist.queue.join(SOON)


def test_a_script_does_a_task_at_once(artist: Artist) -> None:
    outcome = artist.task("now", lambda tick: tick("encode", 0.5) or "done").do()
    assert outcome == Outcome("done is there", "done")
    with pytest.raises(ValueError, match="odd"):
        artist.task("bad", failing(ValueError("odd"))).do()
    assert artist.reported == [] and artist.queue.state == State()


def test_an_idle_queue_need_not_be_pumped(artist: Artist) -> None:
    assert not artist.queue.pump()


@pytest.mark.parametrize(
    ("stage", "fraction", "expected"),
    [("encode", 0.0, 0.0), ("encode", 0.5, 0.2), ("extract", 0.0, 0.4), ("extract", 1.0, 1.0)],
)
def test_overall_fraction(stage: str, fraction: float, expected: float) -> None:
    assert overall_fraction(STAGES, stage, fraction) == pytest.approx(expected)


class Stepping:
    """Record of what a task has delivered step by step, and taken back."""

    def __init__(self, artist: Artist, work: Callable, error: Exception | None = None) -> None:
        self.steps, self.discarded, self.error = 0, 0, error
        self.task = artist.task("one", work, step=self.step, discard=self.discard)

    def step(self) -> None:
        self.steps += 1
        if self.error is not None:
            raise self.error

    def discard(self) -> None:
        self.discarded += 1


def test_a_task_may_deliver_step_by_step(artist: Artist) -> None:
    held = Held()
    stepping = Stepping(artist, held)
    artist.queue.submit(stepping.task)
    assert held.began.wait(SOON)
    artist.queue.pump()
    artist.queue.pump(may_deliver=False)
    artist.queue.pump()
    assert (stepping.steps, artist.delivered) == (2, [])
    held.go_on.set()
    artist.finish()
    assert artist.delivered == ["held"] and not stepping.discarded
    steps = stepping.steps
    artist.queue.pump()
    assert stepping.steps == steps


def test_what_was_delivered_is_taken_back_when_the_task_is_canceled(artist: Artist) -> None:
    held = Held()
    stepping = Stepping(artist, held)
    artist.queue.submit(stepping.task)
    assert held.began.wait(SOON)
    artist.queue.pump()
    artist.queue.cancel()
    artist.queue.pump()
    assert (stepping.steps, stepping.discarded) == (1, 0)  # the work has not ended yet
    held.go_on.set()
    artist.finish()
    assert (stepping.steps, stepping.discarded) == (1, 1)
    assert artist.queue.state.canceled and not artist.delivered


def test_a_failed_step_ends_the_task_and_the_next_one_runs(artist: Artist) -> None:
    held = Held()
    stepping = Stepping(artist, held, ValueError("full"))
    artist.queue.submit(stepping.task)
    artist.submit("two")
    artist.queue.pump()
    assert (stepping.steps, stepping.discarded) == (1, 1)
    assert artist.reported == [("ValueError: full", "Try again")]
    held.go_on.set()
    artist.finish()
    assert artist.delivered == ["two"]
    assert (artist.queue.state.ended, artist.queue.state.failed) == (2, 1)


@pytest.mark.parametrize("fails", ["work", "deliver"])
def test_what_was_delivered_is_taken_back_after_an_error(artist: Artist, fails: str) -> None:
    def fail(_: object) -> None:
        raise ValueError("broken")

    stepping = Stepping(artist, fail if fails == "work" else lambda tick: "result")
    if fails == "deliver":
        artist.deliver = fail
        stepping = Stepping(artist, lambda tick: "result")
    artist.queue.submit(stepping.task)
    artist.finish()
    assert stepping.discarded == 1 and len(artist.reported) == 1
    with pytest.raises(ValueError, match="broken"):
        stepping.task.do()
    assert stepping.discarded == 2


def test_what_cannot_be_taken_back_is_reported(artist: Artist) -> None:
    held = Held()

    def fail() -> None:
        raise ValueError("stuck")

    artist.queue.submit(artist.task("one", held, discard=fail))
    artist.queue.cancel()
    held.go_on.set()
    artist.finish()
    assert artist.reported == [("ValueError: stuck", "Try again")]


def test_discard_at_the_end(artist: Artist) -> None:
    held = Held()
    artist.queue.discard()
    stepping = Stepping(artist, held)
    artist.queue.submit(stepping.task)
    artist.queue.discard()
    artist.queue.drop("")
    held.go_on.set()
    assert stepping.discarded == 1 and artist.queue.join(SOON)
