"""What .ci/ and .github/ lean on, as tests."""

import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement  # pytest brings it along
from packaging.utils import canonicalize_name

from tools import pythons
from tools.catalogue import ROOT, lessons
from tools.changed import changed, touched


def found(version: str, /, **other) -> dict:
    """One of uv's findings."""
    names = ("major", "minor", "patch")
    parts = dict(zip(names, map(int, version.split(".")), strict=True))
    known = {"implementation": "cpython", "variant": "default", "path": version}
    known["version"] = version
    return {"version_parts": parts} | known | other


def test_the_newest_other_cpython_is_found():
    machine = [found("3.9.18"), found("3.11.7"), found("3.12.1"), found("3.13.0")]
    assert pythons.newest_other(machine, (3, 11)) == "3.13.0"
    assert pythons.newest_other(machine, (3, 13)) == "3.12.1"
    assert pythons.newest_other([*machine, found("3.13.10")], (3, 11)) == "3.13.10"


@pytest.mark.parametrize(
    "one",
    [
        found("3.11.2"),  # this one, of another path
        found("3.10.4"),  # older than what is promised
        found("3.14.0", variant="freethreaded"),
        found("3.11.15", implementation="pypy"),
        found("3.14.0", path=None),  # to be fetched, not here
        found("3.15.0", version="3.15.0a1"),  # not released yet
    ],
)
def test_what_is_no_other_cpython_is_passed_over(one):
    assert pythons.newest_other([found("3.11.7"), one], (3, 11)) is None


def test_the_oldest_python_is_that_of_the_lessons_headers():
    oldest = ".".join(map(str, pythons.oldest()))
    for lesson in lessons().values():
        assert f'# requires-python = ">={oldest}"' in lesson.text, lesson.file


def test_a_lesson_has_changed_if_one_of_its_files_has():
    first, second, third, *_ = lessons()
    assert changed([]) == []
    assert changed(["README.md", f"{second}.py"]) == [second]
    assert changed([f"docs/teach/{third}.toml", f"{first}.py"]) == [first, third]
    assert changed([f"mistakes/{second}.toml"]) == [second]
    assert changed([f"docs/teach/{second}.svg"]) == [second]
    assert changed([f"docs/play/{third}.js"]) == [third]
    assert changed([f"lab/{second}_lab.py"]) == [second]


def test_a_commit_that_git_does_not_know_is_an_error_and_no_history_is_none():
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("git does not know this folder")
    assert touched("HEAD") is not None
    assert touched("no_such_commit") is None
    assert touched("--output=injected") is None
    assert not (ROOT / "injected").exists()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize("script", ["run", "nightly", "stages"])
def test_the_scripts_are_bash(script):
    bash = shutil.which("bash")  # by its path: Windows has another one of that name
    done = subprocess.run([bash, "-n", str(ROOT / ".ci" / script)])
    assert done.returncode == 0


def test_the_workflows_pin_every_action_by_its_commit_and_may_only_read():
    workflows = list((ROOT / ".github" / "workflows").glob("*.yml"))
    assert len(workflows) == 3
    for path in workflows:
        text = path.read_text(encoding="utf-8")
        used = re.findall(r"uses: (\S+)", text)
        assert used and all(re.search(r"@[0-9a-f]{40}$", one) for one in used), path
        assert re.search(r"(?m)^permissions:\n  contents: read$", text), path
        # the comment names the version, which Dependabot reads and renews
        assert all(re.search(r"  # v\d+\.\d+\.\d+$", one) for one in uses(text)), path


def uses(text: str) -> list[str]:
    return [line for line in text.splitlines() if "uses: " in line]


def test_no_job_leaves_its_token_where_the_code_that_it_runs_could_read_it():
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        steps = re.split(r"(?m)^ *- ", path.read_text(encoding="utf-8"))
        for step in steps:
            if "actions/checkout" in step:
                assert "persist-credentials: false" in step, path


def test_a_bot_renews_the_pinned_actions():
    path = ROOT / ".github" / "dependabot.yml"
    text = path.read_text(encoding="utf-8")
    assert "package-ecosystem: github-actions" in text and "directory: /\n" in text


def required(folder: str) -> list[Requirement]:
    """What this folder's requirements.txt asks for, line by line."""
    found = []
    text = (ROOT / folder / "requirements.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        asked = line.partition("#")[0].strip()
        if asked and not asked.startswith("-r "):
            found.append(Requirement(asked))
    return found


def locked() -> dict[str, str]:
    lock = (ROOT / "tools" / "lock.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"(?m)^([\w.-]+)==(\S+)", lock))


@pytest.mark.parametrize("folder", [".", "docs", "lab"])
def test_the_lock_holds_a_version_of_everything_that_is_required(folder):
    for one in required(folder):
        assert str(one.specifier).startswith(">="), f"{one} has no lower bound"
        version = locked().get(one.name)
        assert version, f"{one} is not in tools/lock.txt"
        assert one.specifier.contains(version), f"{one} is locked to {version}"


def test_the_lock_holds_what_the_required_packages_bring_along():
    """For those that are installed here in the version that is locked."""
    lock = locked()
    left = [one.name for folder in (".", "docs", "lab") for one in required(folder)]
    seen = set()
    while left:
        name = canonicalize_name(left.pop())
        if name in seen:
            continue
        seen.add(name)
        try:
            here = distribution(name)
        except PackageNotFoundError:  # docs and lab need not be installed
            continue
        if here.version.partition("+")[0] != lock.get(name):
            continue
        for line in here.requires or []:
            brought = Requirement(line)
            if brought.marker is None or brought.marker.evaluate({"extra": ""}):
                known = canonicalize_name(brought.name)
                assert known in lock, f"{name} needs {known}: renew tools/lock.txt"
                left.append(known)
    assert "torch" in seen


def test_the_readme_and_the_nightly_run_install_the_locked_versions():
    line = "pip install -r requirements.txt -c tools/lock.txt\n"
    assert line in (ROOT / "README.md").read_text(encoding="utf-8")
    nightly = (ROOT / ".ci" / "nightly").read_text(encoding="utf-8")
    assert "-c tools/lock.txt -r requirements.txt\n" in nightly
