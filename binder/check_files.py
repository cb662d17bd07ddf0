"""Checks what no compiler does. Prints each fault and ends with code 1 if there is one.

    python binder/check_files.py links       relative links in Markdown files and notebooks lead somewhere
    python binder/check_files.py paths       no file names a path or a machine of the person who made it
    python binder/check_files.py pins        the versions written in several places agree
    python binder/check_files.py notebooks   notebooks are committed as binder/lab --run --inplace wrote them,
                                             and no code cell has more than 15 lines
        --median N    nor has the half of a notebook's code cells more than N lines
        --columns N   nor has a line of one more than N columns
    python binder/check_files.py numbers     the numbers in a notebook's prose are in its outputs or its code

A number in prose is right if an output or a cell of its notebook has one that is rounded to it, as it is
or as a percentage (each side of a ± is a number). It is a source's own, and not looked for, if it is
within a link or a link or a footnote [^name] follows it in its sentence. Whole numbers up to 12, years,
those that are part of a name (CIFAR-10, FC3), formulas and code are no numbers here.
"""

import argparse
import bisect
import html
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LINES = 15  # that a code cell may have


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def files(*patterns):
    """The files of the checkout that git tracks, or would."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name and os.path.isfile(os.path.join(ROOT, name))]


def notebooks():
    for name in files("notebooks/*.ipynb"):
        yield name, json.loads(read(name))["cells"]


def joined(text):
    return "".join(text)  # a notebook holds a text as a string or as a list of lines


def links():
    texts = [(name, read(name)) for name in files("*.md")]
    for name, cells in notebooks():
        texts.append((name, "\n".join(joined(c["source"]) for c in cells if c["cell_type"] == "markdown")))
    for name, text in texts:
        text = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)
        found = re.findall(r"\]\(<?([^)\s>]+)", text) + re.findall(r"""(?:src|href)=["']([^"']+)""", text)
        for link in found:
            target = urllib.parse.unquote(link.split("#")[0])
            if not target or re.match(r"[a-z][a-z0-9+.-]*:", link):
                continue
            if not os.path.exists(os.path.join(ROOT, os.path.dirname(name), target)):
                yield f"{name}: nothing at {link}"


def paths():
    # Written so that this file does not find itself; ada, user, you and jovyan are examples.
    personal = re.compile(r"/(?:hom[e]|User[s])/(?!(?:ada|user|you|jovyan)/)[a-z][\w.-]*/|(?<![\w.])/(?:roo[t]|wor[k])/|[A-Z]:\\User[s]")
    for name in files():
        try:
            text = read(name)
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            for found in personal.findall(line):
                yield f"{name}:{number}: {found}"
    host = re.escape(socket.gethostname())
    machine = re.compile(rf"{re.escape(ROOT)}\b|/tm[p]/|\b{host}\b" if len(host) > 3 else rf"{re.escape(ROOT)}\b|/tm[p]/")
    for name, cells in notebooks():
        for number, cell in enumerate(cells, start=1):
            for output in cell.get("outputs", []):
                for kind, text in output.get("data", {"": output.get("text", "")}).items():
                    if not kind.startswith("image/") and isinstance(text, (str, list)):
                        for found in machine.findall(joined(text)):
                            yield f"{name}: the output of cell {number} names {found}"


def pins():
    module, tools = read("go.mod"), read("binder/tools.mod")

    def version(text, path):
        return re.search(rf"^\s*(?:require )?{re.escape(path)} (v\S+)", text, flags=re.M).group(1)

    gonb = "github.com/janpfeifer/gonb"
    if version(module, gonb) != version(tools, gonb):
        yield f"{gonb} is {version(module, gonb)} in go.mod and {version(tools, gonb)} in binder/tools.mod"

    language = re.compile(r"^go (\S+)", flags=re.M)
    wanted = language.search(module).group(1)
    if language.search(tools).group(1) != wanted:
        yield f"go.mod asks for Go {wanted}, binder/tools.mod for {language.search(tools).group(1)}"
    fetched = re.search(r"^version=(\S+)", read("binder/fetch-go"), flags=re.M).group(1)
    numbers = lambda text: [int(n) for n in text.split(".")]  # noqa: E731
    if numbers(fetched)[:2] != numbers(wanted)[:2] or numbers(fetched) < numbers(wanted):
        yield f"go.mod asks for Go {wanted}, binder/fetch-go fetches {fetched}"

    for name in "binder/jupyter.txt", "binder/openblas.txt":
        for line in read(name).replace("\\\n", " ").splitlines():
            if line and not line.startswith("#") and not re.fullmatch(
                r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; [^\\]+)?(\s+--hash=sha256:[0-9a-f]{64})+", line
            ):
                yield f"{name}: {line[:60]} is not pinned to a version and hashes"
    if not re.search(r"^jupyterlab==4\.", read("binder/jupyter.txt"), flags=re.M):
        yield "binder/jupyter.txt: JupyterLab 4 is missing"


def check_notebooks(median=None, columns=None):
    for name, cells in notebooks():
        code = [c for c in cells if c["cell_type"] == "code"]
        outputs = [o for c in code for o in c["outputs"]]
        if [c["execution_count"] for c in code] != list(range(1, len(code) + 1)):
            yield f"{name}: its cells were not run from the first to the last (binder/lab --run --inplace {name})"
        if not any("image/png" in o.get("data", {}) for o in outputs):
            yield f"{name}: no picture among its outputs"
        sizes = [joined(c["source"]).strip().count("\n") + 1 for c in code]
        middle = statistics.median(sizes or [0])
        print(f"{name}: {len(sizes)} code cells of {max(sizes, default=0)} lines at most, the median is {middle:g}")
        if median is not None and middle > median:
            yield f"{name}: the median of its code cells' lines is {middle:g}, more than {median}"
        for number, cell in enumerate(code, start=1):
            if sizes[number - 1] > LINES:
                yield f"{name}: code cell {number} has {sizes[number - 1]} lines, more than {LINES}"
            for line in joined(cell["source"]).splitlines():
                if columns is not None and len(line.expandtabs(4)) > columns:
                    yield f"{name}: code cell {number} has a line of {len(line.expandtabs(4))} columns: {line.strip()[:60]}"
            for output in cell["outputs"]:
                tags = cell["metadata"].get("tags", [])
                noise = output.get("name") == "stderr" and not {"stderr-ok", "raises-exception"} & set(tags)
                if output["output_type"] == "error" and "raises-exception" not in tags or noise:
                    yield f"{name}: code cell {number} is committed with an error"


NUMBER = re.compile(r"""
    (?<![\w.,^_/-]) (?P<sign>[-−+]?) (?P<digits>\d{1,3}(?:[,\u202f\u00a0]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)
    (?P<power>[eE][-+]?\d+)? (?![\w^]|[.,]\d|-\w) (?P<percent>[\s\u202f\u00a0]*(?:%|per\s?cent))?
""", re.X)
SHOWN = re.compile(r"(?<![\w.])(?P<digits>\d{1,3}(?:[,\u202f\u00a0]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?P<power>[eE][-+]?\d+)?")


def value(found):
    """The absolute value of what NUMBER found, and half a unit of its last digit."""
    digits = re.sub(r"[,\u202f\u00a0]", "", found["digits"])
    scale = 10.0 ** int((found["power"] or "e0")[1:])
    return float(digits) * scale, 0.5 * 10.0 ** -len(digits.partition(".")[2]) * scale


def shown(cells):
    """The absolute values of all numbers in the outputs and the code of a notebook, in order."""
    values = set()
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        texts = [joined(cell["source"])]
        for output in cell["outputs"]:
            texts.append(joined(output.get("text", "")))
            for kind, text in output.get("data", {}).items():
                if kind == "text/html":
                    text = html.unescape(re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", joined(text), flags=re.S))
                if kind.startswith("text/"):
                    texts.append(joined(text))
        for text in texts:
            values.update(value(found)[0] for found in SHOWN.finditer(text))
    return sorted(values)


def numbers():
    for name, cells in notebooks():
        there = shown(cells)

        def among(wanted, half):
            slack = half * (1 + 1e-9)
            at = bisect.bisect_left(there, wanted - slack)
            return at < len(there) and there[at] <= wanted + slack

        for cell in cells:
            if cell["cell_type"] != "markdown":
                continue
            text = re.sub(r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$|<[^>]*>", " ", joined(cell["source"]), flags=re.S)
            for sentence in re.split(r"(?<=[.!?:;])\s+|\n\s*\n|\n\s*[-*|#]|\|", text):
                marked = max([m.end() for m in re.finditer(r"\[[^\]]*\]\([^)]*\)|\[\^[^\]]+\]|\]\[[^\]]*\]", sentence)], default=0)
                for found in NUMBER.finditer(sentence, marked):
                    wanted, half = value(found)
                    whole = "." not in found["digits"] and not found["power"] and not found["percent"]
                    if whole and (wanted <= 12 or 1900 <= wanted <= 2099):
                        continue
                    if not (among(wanted, half) or among(wanted / 100, half / 100)):
                        yield f"{name}: {found[0].strip()} is in no output: {' '.join(sentence.split())[:100]}"


def main():
    checks = {"links": links, "paths": paths, "pins": pins, "notebooks": check_notebooks, "numbers": numbers}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("check", choices=checks)
    parser.add_argument("--median", type=float, metavar="N")
    parser.add_argument("--columns", type=int, metavar="N")
    arguments = parser.parse_args()
    limits = {k: v for k, v in (("median", arguments.median), ("columns", arguments.columns)) if v is not None}
    if limits and arguments.check != "notebooks":
        parser.error("--median and --columns go with notebooks")
    faults = list(checks[arguments.check](**limits))
    print("\n".join(faults) or f"{arguments.check}: no fault")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
