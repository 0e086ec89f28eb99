"""No file of the repository tells of the machine it was written on, nor where packages are fetched from."""

from __future__ import annotations

import re
import subprocess

from tests.docs.pages import ROOT

# Put together, so that this file is no finding of itself.
HOSTS = ["pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "yarn" + "pkg.com"]
INDEX = re.compile("|".join(map(re.escape, HOSTS)) + r"|--(?:extra-)?index[-]url|--find[-]links|registry\s*=\s*http")
PLACES = re.compile(r"(?<![\w.])[/](?:home/(?!\W)|Users/|root/|work/|tmp/w/)")


def tracked() -> list[str]:
    """The text files of the repository."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [name for name in done.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for name in tracked():
        content = (ROOT / name).read_bytes()
        if b"\0" in content[:8000]:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{name}:{number}")
    return found


def test_no_file_names_a_package_index() -> None:
    assert lines_with(INDEX) == []


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    assert lines_with(PLACES) == []


def test_such_a_line_would_be_noticed() -> None:
    assert INDEX.search("https://" + HOSTS[0] + "/simple")
    assert PLACES.search("see /home/" + "somebody/notes")
    assert not PLACES.search("https://example.com/a/page")
