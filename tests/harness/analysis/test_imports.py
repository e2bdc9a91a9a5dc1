import subprocess
import sys


def test_analysis_loads_nothing_that_trains() -> None:
    code = (
        "import sys, harness.analysis;"
        "heavy = {'torch', 'd3rlpy', 'gymnasium', 'minari'} & set(sys.modules);"
        "print(*sorted(heavy))"
    )
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (outcome.returncode, outcome.stdout.strip()) == (0, ""), outcome.stderr
