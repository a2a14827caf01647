from pathlib import Path

from adapters import heap

MANY, BYTES = 40_000, 1_000


def resident_kilobytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1])


def test_what_was_freed_is_given_back():
    blocks = [bytes(BYTES) for _ in range(MANY)]
    # What lies above what is freed keeps the C library from giving it back by itself.
    del blocks[:-1]
    before = resident_kilobytes()
    heap.give_back()
    assert before - resident_kilobytes() > MANY * BYTES / 1024 / 2
