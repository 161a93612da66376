"""Schedules at named batches, their bounds, and the errors of their lengths."""

import pytest

from textvae.schedules import Constant, Cyclical, Linear, Schedule, Sigmoid


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (Constant(0.3), {0: 0.3, 10**6: 0.3}),
        (Linear(length=100), {0: 0.0, 25: 0.25, 100: 1.0, 1000: 1.0}),
        (Linear(0.1, 1.0, 90, delay=10), {0: 0.1, 10: 0.1, 55: 0.55, 100: 1.0, 101: 1.0}),
        (Linear(1.0, 0.0, 10), {0: 1.0, 5: 0.5, 20: 0.0}),
        (Sigmoid(middle=100, width=20), {100: 0.5, 120: 0.8807970779778823, 10**6: 1.0}),
        (Cyclical(period=10), {0: 0.0, 2: 0.4, 5: 1.0, 9: 1.0, 10: 0.0, 12: 0.4}),
        (Cyclical(period=10, cycles=2), {12: 0.4, 20: 1.0, 22: 1.0}),
        (Cyclical(period=10, delay=7), {0: 0.0, 7: 0.0, 9: 0.4, 12: 1.0, 17: 0.0, 19: 0.4}),
        (Cyclical(period=10, rise=1.0, start=0.5, end=0.7), {0: 0.5, 5: 0.6}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values(schedule: Schedule, values: dict[int, float]) -> None:
    assert {step: schedule(step) for step in values} == pytest.approx(values)


@pytest.mark.parametrize("schedule", [Linear(), Sigmoid(), Cyclical(), Constant()])
def test_bounds_in_epochs(schedule: Schedule) -> None:
    schedule.batches_per_epoch = 7

    assert all(0 <= schedule(step) <= 1 for step in range(300))


@pytest.mark.parametrize("schedule", [Linear(), Sigmoid()])
def test_annealing_never_falls(schedule: Schedule) -> None:
    schedule.batches_per_epoch = 7
    values = [schedule(step) for step in range(100)]

    assert values == sorted(values) and values[-1] == pytest.approx(1.0, abs=1e-6)


def test_an_epoch_is_as_long_as_training_says() -> None:
    schedule = Linear(length="2ep")
    with pytest.raises(ValueError, match="'2ep' needs 'batches_per_epoch'"):
        schedule(0)
    schedule.batches_per_epoch = 50

    assert schedule(50) == 0.5


@pytest.mark.parametrize("length", ["10 epochs", "ep", "-3", "", "1e400x"])
def test_a_length_that_is_none(length: str) -> None:
    with pytest.raises(ValueError, match="A length is written '10ep'"):
        Linear(length=length)


def test_impossible_values() -> None:
    with pytest.raises(ValueError, match="'length' must be positive, got 0"):
        Linear(length=0)
    with pytest.raises(ValueError, match="'rise' must be over 0 and at most 1, got 0"):
        Cyclical(rise=0)


def test_a_length_may_be_a_share_of_the_whole_training() -> None:
    schedule = Linear(length="25%", delay="10%")
    with pytest.raises(ValueError, match="'10%' needs 'all_batches'"):
        schedule(0)
    schedule.all_batches = 200

    assert [schedule(step) for step in (0, 20, 45, 70, 200)] == [0, 0, 0.5, 1, 1]
    with pytest.raises(ValueError, match="A length is written"):
        Linear(length="25 percent")


def test_a_cycle_may_be_the_last_where_nobody_knows() -> None:
    schedule = Cyclical(10, rise=0.5)
    assert [schedule.arrived(step) for step in (0, 4, 5, 12)] == [False, False, True, True]
    schedule.all_batches = 25
    assert [schedule.arrived(step) for step in (5, 12, 24, 25)] == [False, False, False, True]
    # The third would not have risen at the end, nor would the fourth.
    schedule.all_batches = 24
    assert [schedule.arrived(step) for step in (5, 14, 15)] == [False, False, True]
    schedule = Cyclical(10, rise=0.5, cycles=4)
    schedule.all_batches = 20
    assert [schedule.arrived(step) for step in (5, 14, 15)] == [False, False, True]
    schedule.all_batches = 3
    assert [schedule.arrived(step) for step in (3, 5)] == [False, True]
