"""The reference step by which seconds are scaled."""

import torch

from imagegen_lessons import calibration


def test_the_reference_step_takes_time_and_leaves_the_random_numbers_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    assert 0.05 < calibration.reference_step_ms(steps=6) < 60_000
    assert torch.equal(torch.get_rng_state(), before)


def test_seconds_of_a_machine_half_as_fast_count_half():
    assert calibration.scaled(100.0, 2 * calibration.REFERENCE_MS) == 50
