"""Progress messages of a download."""

from triposr.tasks.meter import Meter


def test_bytes_rate_and_time_left() -> None:
    now = [0.0]
    meter = Meter(1_677_000_000, {"verify": "Verifying"}, clock=lambda: now[0])
    assert meter("download", 0.0) == "0 of 1,677 MB"
    now[0] = 10.0
    assert meter("download", 0.1) == "168 of 1,677 MB, 16.8 MB/s, 1:30 left"
    assert meter("verify", 0.5) == "Verifying"


def test_a_single_slow_moment_does_not_throw_the_rate_off() -> None:
    now = [0.0]
    meter = Meter(100_000_000, {}, clock=lambda: now[0])
    for second in range(20):
        now[0] = float(second)
        message = meter("download", second / 100)
    assert "1.0 MB/s" in message
    now[0] += 1
    assert "0.9 MB/s" in meter("download", 0.19)


def test_a_download_that_goes_on_does_not_count_what_was_there() -> None:
    now = [0.0]
    meter = Meter(100_000_000, {}, clock=lambda: now[0])
    meter("download", 0.5)
    now[0] = 1.0
    assert "1.0 MB/s, 0:49 left" in meter("download", 0.51)


def test_large_downloads_are_told_in_gigabytes() -> None:
    """So that the label fits the bar."""
    assert Meter(3_750_000_000, {}, lambda: 0.0)("download", 0.5) == "1.88 of 3.75 GB"
    assert Meter(1_677_000_000, {}, lambda: 0.0)("download", 0.5) == "838 of 1,677 MB"
