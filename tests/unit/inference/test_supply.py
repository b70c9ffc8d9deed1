"""What a block of steps holds."""

from moonfield.inference.supply import block_shape


def steps(work: int, noise: tuple[int, int] = (1, 100)) -> int:
    return block_shape(noise, row_bytes=0, places=0, restarts=1, itemsize=4, work=work).steps


def test_blocks_are_short_where_a_step_is_much_work() -> None:
    """Callbacks and the keyboard wait for whole blocks: of 2**35 multiplications at most."""
    assert steps(10**6) == 250
    assert steps(2**35 // 100) == 100
    assert steps(2**40) == 1


def test_noise_fits_64_megabytes() -> None:
    assert steps(1, (1, 2**20)) == 16
    assert steps(1, (4, 2**24)) == 1
