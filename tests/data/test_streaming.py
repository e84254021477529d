import subprocess
import sys
from pathlib import Path

MEMORY = """
import resource, sys
import numpy as np
sys.path.insert(0, {tests!r})
import multimodal_keras as mk
from data_components import CountModality, LabelHead, some_parts
parts = some_parts({{"text": CountModality()}}, {{"topic": LabelHead()}})
def peak(name):
    dataset = mk.data.batches(mk.data.read(name), parts, shuffle=True, shuffle_window=500, batch_size=256)
    assert sum(len(inputs["text"]) for inputs, _, _ in dataset) == int(name.split("-")[-1].split(".")[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(*[peak(name) for name in sys.argv[1:]])
"""


def test_memory_does_not_grow_with_the_rows(tmp_path):
    names = []
    for count in (1_000, 10_000, 100_000):
        names.append(str(tmp_path / f"rows-{count}.csv"))
        with open(names[-1], "w") as file:
            file.write("text,topic\n")
            file.writelines(f"{'word ' * 60}{number},{'ab'[number % 2]}\n" for number in range(count))
    code = MEMORY.format(tests=str(Path(__file__).parent))
    answer = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True)
    first, ten, hundred = map(float, answer.stdout.split())
    # The largest file has 31 MB, as dicts over 40: none of that may stay.
    assert ten - first < 10, (first, ten, hundred)
    assert hundred - first < 15, (first, ten, hundred)
