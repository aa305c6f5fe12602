"""Whether all of the site was built, as its first page and docs/Makefile's mark say."""

from pathlib import Path


def unfinished(site: Path) -> bool:
    """Whether a build of this site began and did not come to its end."""
    return (site.parent / "unfinished").exists()


def left_out(site: Path, names: list[str]) -> list[str]:
    """The lessons that the site's first page does not lead to."""
    front = (site / "index.html").read_text(encoding="utf-8", errors="replace")
    return [name for name in names if f"gallery/{name}.html" not in front]
