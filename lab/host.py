"""marimo, for as long as the process lives that has started it: `host.py PID ...`

Ctrl-C ends the lab, but not everything that ends its launcher can be heard by it. A
room must not stay open then, for whoever has the password.
"""

import os
import runpy
import sys
import threading
import time


def end_with(launcher: int) -> None:
    while os.getppid() == launcher:  # on Windows it is never another
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    launcher = int(sys.argv.pop(1))
    threading.Thread(target=end_with, args=(launcher,), daemon=True).start()
    runpy.run_module("marimo", run_name="__main__", alter_sys=True)
