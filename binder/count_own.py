"""Counts what it takes to add something of one's own, in notebooks/07_your_own.ipynb.

    python binder/count_own.py

The cells that make a thing are tagged own-WHAT; a thing's lines are those of all its cells together, without
blank lines, comments, imports, the functions that a comment "// arithmetic: ..." stands above, which are
the rule's own, and what a cell does with the thing, from its "%%" on. Ends with code 1 if there are more than
the notebook promises.
"""

import json
import os
import sys

NOTEBOOK = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "notebooks", "07_your_own.ipynb")
LIMITS = {
    "own-rule": (20, "a learning rule"),
    "own-batch": (25, "a rule that learns while training"),
    "own-drive": (15, "a drive rule"),
    "own-network": (1, "a network"),
    "own-folder": (1, "images: a folder"),
    "own-function": (10, "images: a function"),
    "own-measure": (8, "a measure"),
}


def count(source):
    """The number of lines of a cell that count."""
    lines, end = 0, None
    for line in source.splitlines():
        text = line.strip()
        if text == "%%":
            break
        if end:  # within a block that does not count
            end = None if line == end else end
        elif text.startswith("// arithmetic:"):
            end = "}"
        elif text == "import (":
            end = ")"
        elif text and not text.startswith("//") and not text.startswith("import "):
            lines += 1
    if end:
        raise SystemExit(f"count_own: a block that should end with {end!r} does not: {source[:60]!r}")
    return lines


def main():
    with open(NOTEBOOK, encoding="utf-8") as file:
        cells = json.load(file)["cells"]
    faults = 0
    for tag, (limit, what) in LIMITS.items():
        tagged = ["".join(c["source"]) for c in cells if tag in c["metadata"].get("tags", [])]
        lines = sum(map(count, tagged))
        wrong = not tagged or not lines or lines > limit
        faults += wrong
        print(f"{what:36} {lines:3} of at most {limit:2} lines{'  <- WRONG' if wrong else ''}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
