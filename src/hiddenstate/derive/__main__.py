"""Show where the printed C++ in native/printed/ differs from what is derived; --update writes it anew."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

from hiddenstate.derive.printed import differences

FOLDER = Path(__file__).resolve().parents[3] / "native" / "printed"


def main(arguments: list[str]) -> int:
    """Return 0 where the files are what is derived, 1 where they differ, 2 for wrong use."""
    if arguments not in ([], ["--update"]):
        print(f"expected no argument or --update, came {' '.join(arguments)!r}", file=sys.stderr)
        return 2
    if not FOLDER.parent.is_dir():
        print(f"expected native/ at {FOLDER.parent}: this needs hiddenstate's source folder", file=sys.stderr)
        return 2
    changed = differences(FOLDER)
    for name, (found, derived) in changed.items():
        if arguments:
            FOLDER.mkdir(exist_ok=True)
            (FOLDER / name).write_text(derived, encoding="utf-8") if derived else (FOLDER / name).unlink()
            print(f"wrote {FOLDER / name}" if derived else f"removed {FOLDER / name}")
        else:
            lines = difflib.unified_diff(
                found.splitlines(), derived.splitlines(), f"native/printed/{name}", "derived", lineterm=""
            )
            print("\n".join(lines))
    return 1 if changed and not arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
