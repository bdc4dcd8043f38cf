"""`python -m compat.simulator`: the fakegemini command without Django, for those who start it often."""

import argparse

from compat.simulator.faults import described
from compat.simulator.serving import add_arguments, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m compat.simulator",
        description="Serve a simulated Gemini API.",
        epilog=f"faults of keys (sim-FAULT-project-x) and models (MODEL--FAULT):\n{described()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    run(vars(parser.parse_args()))
