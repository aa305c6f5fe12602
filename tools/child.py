"""Run one lesson's main in this process, as tools/runner.py asks; leave a report.

`python -P child.py JOB REPORT`, in the folder where the lesson's file lies alone.
"""

import time

BEGIN = time.perf_counter()  # before the first import, which is a part of the wait

import contextlib  # noqa: E402
import errno  # noqa: E402
import importlib  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import sys  # noqa: E402
import traceback  # noqa: E402
from pathlib import Path  # noqa: E402

FULL = errno.ENOSPC, errno.EDQUOT
ROOM = 2**20  # bytes; with fewer, a disk counts as full: not every error says so


def main(job: Path, report: Path) -> None:
    asked = json.loads(job.read_text(encoding="utf-8"))
    folder = Path.cwd()
    told = {"numbers": {}, "error": "", "lost": False, "used": {}}
    sys.path.insert(0, str(folder))
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            told["numbers"], told["used"] = run(**asked["run"])
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        said = f"{type(error).__name__}: {error}"
        if isinstance(error, SystemExit) and isinstance(error.code, str):
            said = error.code or said  # a sentence for the user
        told["error"] = said.splitlines()[0]
        told["lost"] = is_of_the_machine(error, folder)
    os.chdir(folder)  # wherever the lesson went
    if asked["show"]:
        draw()
    told["printed"] = printed.getvalue()
    report.write_text(json.dumps(told), encoding="utf-8")


def is_of_the_machine(error: BaseException, folder: Path) -> bool:
    """Whether no lesson is to blame: the disk is full, or somebody ended the process,
    of which Lightning makes an error."""
    while error:
        if getattr(error, "errno", None) in FULL:
            return True
        if type(error).__name__ == "SIGTERMException":
            return True
        error = error.__context__
    return shutil.disk_usage(folder).free < ROOM


def run(lesson: str, threads: int, options: dict) -> tuple[dict, dict]:
    """What main returns; seconds of imports, main and processor, and peak memory."""
    module = importlib.import_module(lesson)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads or 1)
    imported = time.perf_counter()
    numbers = module.main(**options)
    used = {"imports": imported - BEGIN, "main": time.perf_counter() - imported}
    return numbers, used | {"cpu": time.process_time(), "peak": peak()}


def peak() -> float:
    """The largest size of this process so far, in MB; 0 on Windows."""
    try:
        import resource
    except ImportError:
        return 0
    unit = 1024**2 if sys.platform == "darwin" else 1024  # macOS counts bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def draw() -> None:
    """The figures that are left open, for the site: shown/1.svg, shown/1.png, ..."""
    if "matplotlib.pyplot" in sys.modules:
        import matplotlib.pyplot as plt

        Path("shown").mkdir(exist_ok=True)
        for number in plt.get_fignums():
            fig = plt.figure(number)
            fig.savefig(f"shown/{number}.svg")
            fig.savefig(f"shown/{number}.png", dpi=1280 / fig.get_figwidth())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
