"""Looks in headless Chromium at what a reader sees of an executed notebook.

    python binder/look_in_browser.py NOTEBOOK.ipynb [--screenshot PNG]   the notebook, opened in JupyterLab
    python binder/look_in_browser.py PAGE.html [--screenshot PNG]        its page beside it, opened as a file

Fails if the notebook has no picture, if a picture or an interactive chart of its outputs is not
drawn in the browser, or if the page asks the network for anything.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

from tornado.websocket import websocket_connect

SECONDS = 90  # that a page may take on a busy machine

INTERACTIVE = '<details class="rdd-chart"'  # what rddkit/chart writes around an interactive chart

# Opens the folded interactive charts; returns how many pictures and interactive charts are drawn.
COUNT = """(() => {
  const area = document.querySelectorAll('.jp-OutputArea-output');
  const within = s => [...area].flatMap(o => [...o.querySelectorAll(s)]);
  within('details').forEach(d => d.open = true);
  return [within('img').filter(i => i.naturalWidth > 0).length, within('canvas').length];
})()"""
SHOW = "document.querySelector('.jp-OutputArea-output img')?.scrollIntoView()"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def running(command, **options):
    """A process and its children, ended on leaving."""
    process = subprocess.Popen(command, start_new_session=True, **options)
    try:
        yield process
    finally:
        for sent in signal.SIGTERM, signal.SIGKILL:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, sent)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
                break


def wait_for(what, ready, process):
    """Calls ready until it gives something; process is what it waits for."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            found = ready()
            if found:
                return found
        if process.poll() is not None:
            sys.exit(f"browser: {what} ended with code {process.returncode}")
        time.sleep(0.2)
    sys.exit(f"browser: {what} did not start in {SECONDS} s")


@contextlib.contextmanager
def jupyterlab(notebook, scratch):
    """The address of the notebook, trusted, in a JupyterLab that leaves the user's settings alone."""
    folder = os.path.join(scratch, "notebooks")
    os.mkdir(folder)
    shutil.copy(notebook, folder)
    name = os.path.basename(notebook)
    environment = os.environ | {
        "JUPYTER_CONFIG_PATH": os.path.join(os.path.dirname(os.path.abspath(__file__)), "config"),
        "JUPYTER_DATA_DIR": os.path.join(scratch, "data"),
        "JUPYTER_CONFIG_DIR": os.path.join(scratch, "config"),
        "JUPYTER_RUNTIME_DIR": os.path.join(scratch, "runtime"),
    }
    subprocess.run(
        [sys.executable, "-m", "nbformat.sign", os.path.join(folder, name)],
        env=environment, check=True, capture_output=True,
    )
    port, token = free_port(), "token"
    log = os.path.join(scratch, "jupyterlab.log")
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
    ]
    with open(log, "w") as file, running(command, env=environment, stdout=file, stderr=file) as server:
        address = f"http://127.0.0.1:{port}/"
        wait_for("JupyterLab", lambda: urllib.request.urlopen(f"{address}api?token={token}", timeout=5), server)
        yield f"{address}lab/tree/{urllib.parse.quote(name)}?token={token}"


@contextlib.contextmanager
def chromium(scratch):
    """The address of the first tab of a new Chromium, for the DevTools protocol."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        sys.exit("browser: Chromium is not installed")
    profile = os.path.join(scratch, "profile")
    command = [
        program, "--headless", "--disable-gpu", "--no-first-run", "--disable-sync", "--disable-quic",
        "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
        "--remote-debugging-port=0", f"--user-data-dir={profile}", "--window-size=1300,1600", "about:blank",
    ]
    if os.geteuid() == 0:
        command.append("--no-sandbox")  # which refuses to run as root
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with running(command, **quiet) as process:

        def tab():
            with open(os.path.join(profile, "DevToolsActivePort")) as file:
                port = file.readline().strip()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=5) as answer:
                return next((t["webSocketDebuggerUrl"] for t in json.load(answer) if t["type"] == "page"), None)

        yield wait_for("Chromium", tab, process)


class Tab:
    """One tab, spoken to over the DevTools protocol; requested lists what it asked for."""

    def __init__(self, connection):
        self.connection, self.number, self.requested = connection, 0, []

    async def call(self, method, **parameters):
        self.number += 1
        await self.connection.write_message(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            message = await asyncio.wait_for(self.connection.read_message(), SECONDS)
            if message is None:
                sys.exit("browser: Chromium closed the page")
            message = json.loads(message)
            if message.get("method") == "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])
            if message.get("id") == self.number:
                return message.get("result", {})


def charts(notebook):
    """How many pictures and interactive charts the outputs of a notebook hold."""
    with open(notebook, encoding="utf-8") as file:
        cells = json.load(file)["cells"]
    bundles = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    interactive = sum(INTERACTIVE in "".join(bundle.get("text/html", "")) for bundle in bundles)
    return sum("image/png" in bundle for bundle in bundles), interactive


async def look(tab_address, address, wanted, screenshot):
    """Opens the address and waits for its charts; returns how many came and what was requested."""
    tab = Tab(await websocket_connect(tab_address, max_message_size=1 << 28))
    await tab.call("Network.enable")
    await tab.call("Page.enable")
    await tab.call("Page.navigate", url=address)
    end = time.monotonic() + SECONDS
    while True:
        await asyncio.sleep(0.5)
        result = await tab.call("Runtime.evaluate", expression=COUNT, returnByValue=True)
        found = result["result"].get("value", [0, 0])
        if (found[0] >= wanted[0] and found[1] >= wanted[1]) or time.monotonic() > end:
            break
    if screenshot:
        await tab.call("Runtime.evaluate", expression=SHOW)
        await asyncio.sleep(2)  # a chart grows for a second
        image = await tab.call("Page.captureScreenshot")
        with open(screenshot, "wb") as file:
            file.write(base64.b64decode(image["data"]))
    return found, tab.requested


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", metavar="NOTEBOOK.ipynb|PAGE.html")
    parser.add_argument("--screenshot", metavar="PNG")
    arguments = parser.parse_args()
    stem, kind = os.path.splitext(arguments.file)
    wanted = charts(stem + ".ipynb")
    if wanted[0] == 0:
        sys.exit(f"browser: {stem}.ipynb has no picture")

    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        if kind == ".html":
            address = "file://" + urllib.parse.quote(os.path.abspath(arguments.file))
        else:
            address = stack.enter_context(jupyterlab(arguments.file, scratch))
        tab = stack.enter_context(chromium(scratch))
        found, requested = asyncio.run(look(tab, address, wanted, arguments.screenshot))

    print("{}: {} of {} pictures and {} of {} interactive charts are drawn".format(
        arguments.file, found[0], wanted[0], found[1], wanted[1]))
    if found[0] < wanted[0] or found[1] < wanted[1]:
        sys.exit("browser: a chart is missing")
    away = [url for url in requested if urllib.parse.urlsplit(url).hostname not in (None, "127.0.0.1")]
    if away:
        sys.exit("browser: the page asks the network for " + ", ".join(sorted(set(away))))


if __name__ == "__main__":
    main()
