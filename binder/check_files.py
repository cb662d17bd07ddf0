"""Checks what no compiler does. Prints each fault and ends with code 1 if there is one.

    python binder/check_files.py links       relative links in Markdown files and notebooks lead somewhere
    python binder/check_files.py paths       no file names a path or a machine of the person who made it
    python binder/check_files.py pins        the versions written in several places agree
    python binder/check_files.py notebooks   notebooks are committed as binder/lab --run --inplace wrote them
"""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LINES, LINES_AT_MOST = 15, 25  # of a code cell: more than the first is told, more than the second a fault


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


def check_notebooks():
    for name, cells in notebooks():
        code = [c for c in cells if c["cell_type"] == "code"]
        outputs = [o for c in code for o in c["outputs"]]
        if [c["execution_count"] for c in code] != list(range(1, len(code) + 1)):
            yield f"{name}: its cells were not run from the first to the last (binder/lab --run --inplace {name})"
        if not any("image/png" in o.get("data", {}) for o in outputs):
            yield f"{name}: no picture among its outputs"
        for number, cell in enumerate(code, start=1):
            lines = joined(cell["source"]).strip().count("\n") + 1
            if lines > LINES_AT_MOST:
                yield f"{name}: code cell {number} has {lines} lines, more than {LINES_AT_MOST}"
            elif lines > LINES:
                print(f"{name}: code cell {number} has {lines} lines, more than the {LINES} aimed at")
            for output in cell["outputs"]:
                noise = output.get("name") == "stderr" and "stderr-ok" not in cell["metadata"].get("tags", [])
                if output["output_type"] == "error" or noise:
                    yield f"{name}: code cell {number} is committed with an error"


def main():
    checks = {"links": links, "paths": paths, "pins": pins, "notebooks": check_notebooks}
    if len(sys.argv) != 2 or sys.argv[1] not in checks:
        print(__doc__, file=sys.stderr)
        return 2
    faults = list(checks[sys.argv[1]]())
    print("\n".join(faults) or f"{sys.argv[1]}: no fault")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
