"""Runs notebooks cell by cell, as binder/lab --run does.

    python binder/run_notebooks.py [--out DIR | --inplace] NOTEBOOK...

Each notebook runs from a fresh kernel in its own folder. The executed copy and an HTML page that
needs no network go to DIR. A notebook fails if a cell fails or prints to stderr (a cell tagged
stderr-ok may), or if one tagged raises-exception does not fail. A cell may take 15 minutes, or its
metadata's "timeout" in seconds. Notebooks of other languages than Go keep their kernel.
"""

import argparse
import contextlib
import html
import os
import re
import sys
import tempfile
import time

import jinja2
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from jupyter_client.kernelspec import NoSuchKernel
from nbconvert import HTMLExporter

SECONDS_PER_CELL = 900

# nbconvert's page without what it would load from the network.
PAGE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
"""


class Failure(Exception):
    """A notebook that did not run well; says where and why."""


def plain(text):
    """Text without terminal colours and HTML tags, for a terminal."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r"<style.*?</style>|<script.*?</script>", "", text, flags=re.S)
    text = html.unescape(re.sub(r"<[^>]*>", "", text))
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


def tagged(cell, tag):
    return tag in cell.metadata.get("tags", [])


def complaint(cell):
    """Why a cell that the kernel ran is not as it should be, or an empty string."""
    if tagged(cell, "raises-exception"):
        failed = any(o.output_type == "error" for o in cell.outputs)
        return "" if failed else "is tagged raises-exception, and did not fail"
    text = printed_to_stderr(cell)
    return text and not tagged(cell, "stderr-ok") and "printed to stderr: " + plain(text)


def printed_to_stderr(cell):
    return "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stderr")


def error_text(cell, error):
    """Everything readable about a failed cell: the compiler's message, a panic, the error."""
    parts = []
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == "stderr":
            parts.append(output.text)
        elif output.output_type == "error":
            parts.append("\n".join(output.traceback) or f"{output.ename}: {output.evalue}")
    return plain("".join(parts)) or plain(str(error))


def execute(notebook, path):
    """Runs all cells, telling the terminal; raises Failure at the first cell that fails."""
    client = NotebookClient(
        notebook,
        kernel_name=notebook.metadata.get("kernelspec", {}).get("name", "gonb"),
        record_timing=False,
        timeout_func=lambda cell: cell.metadata.get("timeout", SECONDS_PER_CELL),
        extra_arguments=["-raw_error=true"],  # compile errors as text
        resources={"metadata": {"path": os.path.dirname(os.path.abspath(path))}},
    )
    code = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    for i in code:
        notebook.cells[i].outputs = []
        notebook.cells[i].execution_count = None
    with tempfile.TemporaryFile() as log, started_kernel(client, path, log):
        for number, i in enumerate(code, start=1):
            cell = notebook.cells[i]
            where = f"{path}, cell {number} of {len(code)}"
            print(f"{where} ... ", end="", flush=True)
            started = time.monotonic()
            try:
                client.execute_cell(cell, i)
                reason = complaint(cell)
            except CellTimeoutError:
                reason = f"took more than {client.timeout_func(cell)} s"
            except CellExecutionError as error:
                reason = error_text(cell, error)
            except DeadKernelError:
                reason = "the kernel died" + last_words(log)
            print(f"{time.monotonic() - started:.1f} s", flush=True)
            if reason:
                raise Failure(f"{where}: {reason}")


@contextlib.contextmanager
def started_kernel(client, path, log):
    """A running kernel that writes its log to a file; raises Failure if there is none to start."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(client.setup_kernel(stderr=log))
        except NoSuchKernel as error:
            raise Failure(f"{path}: {error}: binder/lab --setup makes it") from None
        except RuntimeError as error:
            raise Failure(f"{path}: {error}{last_words(log)}") from None
        yield


def last_words(log):
    """What a kernel wrote before it died: of a fatal error or a panic its text, else the last lines."""
    log.seek(0)
    lines = [line for line in plain(log.read().decode("utf-8", "replace")).splitlines()]
    for first, line in enumerate(lines):
        if re.match(r"F\d{4} |panic: |fatal error: ", line):
            # Then come the stacks of all goroutines.
            end = next((i for i, l in enumerate(lines) if i > first and l.startswith("goroutine ")), len(lines))
            lines = lines[first : min(end, first + 12)]
            break
    return "".join("\n  " + line for line in lines[-12:])


def normalise(notebook):
    """Leaves in the notebook only what depends on its code, so that a new run gives a small diff."""
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    # Its other metadata (authors, jupytext's pairing, ...) are the author's.
    if notebook.metadata.get("kernelspec", {}).get("name", "gonb") == "gonb":
        notebook.metadata["kernelspec"] = {"display_name": "Go (gonb)", "language": "go", "name": "gonb"}
        notebook.metadata["language_info"] = {  # without the version
            "name": "go", "file_extension": ".go", "mimetype": "text/x-go", "pygments_lexer": "go",
        }
    else:
        notebook.metadata.get("language_info", {}).pop("version", None)
    for number, cell in enumerate(notebook.cells, start=1):
        cell.setdefault("id", f"cell-{number:02}")
        cell.metadata.pop("execution", None)  # when it ran
        if cell.cell_type == "code":
            cell.outputs = merged_streams(cell.outputs)
    number_elements(notebook)


def merged_streams(outputs):
    """The outputs with neighbouring pieces of one stream joined."""
    merged = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def number_elements(notebook):
    """Numbers the random element ids that gonbui.UniqueId gave, in order of appearance."""
    numbers = {}
    data = [o.data for cell in notebook.cells for o in cell.get("outputs", []) if "data" in o]
    for bundle in data:
        for found in re.findall(r"""id=["'][^"']*?\b([0-9a-f]{8})["']""", bundle.get("text/html", "")):
            numbers.setdefault(found, f"{len(numbers) + 1:08}")
    for bundle in data:
        for kind in ("text/html", "text/javascript", "application/javascript"):
            if numbers and kind in bundle:
                pattern = r"\b(" + "|".join(numbers) + r")\b"
                bundle[kind] = re.sub(pattern, lambda m: numbers[m.group()], bundle[kind])


def page(notebook, title):
    """The notebook as an HTML page that loads nothing."""
    try:  # formulas as MathML, which browsers draw themselves; without it they stay LaTeX
        from latex2mathml.converter import convert
        from nbconvert.filters.markdown_mistune import IPythonRenderer

        IPythonRenderer.inline_math = lambda self, body: convert(body)
        IPythonRenderer.block_math = lambda self, body: convert(body, display="block")
    except ImportError:
        pass
    exporter = HTMLExporter(
        template_file="page.html.j2",
        extra_loaders=[jinja2.DictLoader({"page.html.j2": PAGE})],
        embed_images=True,
    )
    return exporter.from_notebook_node(notebook, resources={"metadata": {"name": title}})[0]


def write(path, text):
    """Writes a file in one go: a reader sees the old or the new one."""
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def run(path, out):
    """Runs one notebook; out is the folder of the results, or None to write into the notebook."""
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # nbformat's converters raise anything
        raise Failure(f"{path}: not a notebook: {str(error).splitlines()[0]}") from None
    try:
        execute(notebook, path)
    except Failure:
        if out is not None:
            save(notebook, path, out)  # shows what the failed cell said
        raise
    save(notebook, path, out)


def save(notebook, path, out):
    normalise(notebook)
    text = nbformat.writes(notebook) + "\n"
    if out is None:
        write(path, text)
        return
    name = os.path.splitext(os.path.basename(path))[0]
    os.makedirs(out, exist_ok=True)
    write(os.path.join(out, name + ".ipynb"), text)
    write(os.path.join(out, name + ".html"), page(notebook, name))
    print(f"wrote {os.path.join(out, name)}.ipynb and .html")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", metavar="DIR", default="out")
    parser.add_argument("--inplace", action="store_true")
    parser.add_argument("notebooks", nargs="+", metavar="NOTEBOOK")
    arguments = parser.parse_args()
    names = [os.path.basename(path) for path in arguments.notebooks]
    if not arguments.inplace and len(set(names)) < len(names):
        parser.error("two notebooks of one name would write the same file")

    failures = 0
    for path in arguments.notebooks:
        try:
            run(path, None if arguments.inplace else arguments.out)
        except Failure as failure:
            failures += 1
            print(f"FAILED {failure}", file=sys.stderr)
    print(f"notebooks: {len(names) - failures} ran, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
