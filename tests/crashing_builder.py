"""A builder's process that ends badly after it has begun: killed, or in silence."""

import os
import signal
import sys

sys.stdin.readline()
print("progress 0.5", flush=True)
print("first line\nout of memory", file=sys.stderr, flush=True)
if os.environ.get("PSSR_TEST_END") == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
