"""Eight processes that update the same objects at once: one compilation, one copy of the code, one copy of the data."""

import os
import subprocess
import sys

import jitd

WORKERS = 8
BINS = 8


@jitd.jitclass
class Bin:
    """A worker's own bin of the common histogram: how many walks it made, and where they ended."""

    walks: int = 0
    steps: int = 0
    longest: int = 0

    def walk(self, start: int) -> int:
        """The length of one Collatz walk, put into the statistics."""
        n, steps = start, 0
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        self.walks += 1
        self.steps += steps
        if steps > self.longest:
            self.longest = steps
        return steps

    def run(self, first: int, last: int) -> None:
        for start in range(first, last):
            self.walk(start)


def work(number: int, count: int) -> None:
    """What one worker process does: finds the shared object by its name, and works on it."""
    mine = jitd.lookup(f"bin {number}")
    mine.run(1 + number * count, 1 + (number + 1) * count)


def run(workers: int = WORKERS, count: int = 10_000) -> list[Bin]:
    """Publishes one bin for each worker, starts the workers, and returns the bins when they are done."""
    bins = [Bin() for _ in range(workers)]
    for number, one in enumerate(bins):
        jitd.publish(f"bin {number}", one)
    here = os.path.dirname(os.path.abspath(__file__))
    processes = [
        subprocess.Popen([sys.executable, "-c", f"import shared; shared.work({number}, {count})"], cwd=here)
        for number in range(workers)
    ]
    for process in processes:
        if process.wait():
            raise RuntimeError(f"a worker ended with status {process.returncode}")
    return bins


def main() -> None:
    bins = run()
    walks, steps, longest = (sum(b.walks for b in bins), sum(b.steps for b in bins), max(b.longest for b in bins))
    print(f"{WORKERS} processes made {walks:,} walks of {steps:,} steps in all; the longest had {longest}")
    assert walks == WORKERS * 10_000


if __name__ == "__main__":
    import shared  # the workers' name for this module: their class and ours are the same

    shared.main()
