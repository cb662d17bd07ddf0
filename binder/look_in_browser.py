"""Looks in headless Chromium at what a reader sees of an executed notebook.

    python binder/look_in_browser.py NOTEBOOK.ipynb     the notebook, opened in JupyterLab
        --theme light|dark   in this theme of JupyterLab (default: light)
    python binder/look_in_browser.py PAGE.html          its page beside it, opened as a file

    --screenshot PNG   what is seen at the first picture
    --screens DIR      all of it: DIR/01.png, DIR/02.png, …, from the top to the end

Fails if the notebook has no picture, if a picture or an interactive chart of its outputs is not
drawn in the browser, if text of an output can hardly be told from what is behind it, or if the page
asks the network for anything.
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
# The text of outputs that stands out from its background by less than 3 to 1 (WCAG's contrast), each once.
# (What is drawn on a canvas or in a picture has a background of its own.)
FAINT = """(() => {
  const rgba = text => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => [[r, 0.2126], [g, 0.7152], [b, 0.0722]].reduce((sum, [v, part]) => {
    v /= 255;
    return sum + part * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = rgba(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0.5) return light(c);
    }
    return 1;
  };
  const faint = new Set();
  for (const area of document.querySelectorAll('.jp-OutputArea-output')) {
    const walk = document.createTreeWalker(area, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const text = walk.currentNode.textContent.trim(), e = walk.currentNode.parentElement;
      if (!text || ['SCRIPT', 'STYLE'].includes(e.tagName) || !e.getClientRects().length) continue;
      const [a, b] = [light(rgba(getComputedStyle(e).color)), behind(e)];
      if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 3) faint.add(text.slice(0, 60));
    }
  }
  return [...faint];
})()"""
# The part of JupyterLab that scrolls; a page scrolls as a whole.
SCROLLS = "(document.querySelector('.jp-WindowedPanel-outer') || document.scrollingElement)"
DARK = "document.body.dataset.jpThemeLight === 'false'"
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
def jupyterlab(notebook, theme, scratch):
    """The address of the notebook, trusted, in a JupyterLab of that theme that leaves the user's settings alone."""
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
    settings = os.path.join(scratch, "config", "lab", "user-settings", "@jupyterlab", "apputils-extension")
    os.makedirs(settings)
    with open(os.path.join(settings, "themes.jupyterlab-settings"), "w") as file:
        json.dump({"theme": f"JupyterLab {theme.capitalize()}"}, file)
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

    async def value(self, expression):
        """What a JavaScript expression gives."""
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")


def charts(notebook):
    """How many pictures and interactive charts the outputs of a notebook hold."""
    with open(notebook, encoding="utf-8") as file:
        cells = json.load(file)["cells"]
    bundles = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    interactive = sum(INTERACTIVE in "".join(bundle.get("text/html", "")) for bundle in bundles)
    return sum("image/png" in bundle for bundle in bundles), interactive


async def shoot(tab, path):
    image = await tab.call("Page.captureScreenshot")
    with open(path, "wb") as file:
        file.write(base64.b64decode(image["data"]))


async def shoot_all(tab, folder):
    """Shoots the page, a screen after the other, into a folder; returns how many."""
    os.makedirs(folder, exist_ok=True)
    height = 2400
    await tab.call("Emulation.setDeviceMetricsOverride", width=1300, height=height, deviceScaleFactor=1, mobile=False)
    number, last = 0, False
    while not last:
        number += 1
        scroll = f"(e => {{ e.scrollTop = {number - 1} * (e.clientHeight - 100); return e.scrollTop + e.clientHeight >= e.scrollHeight - 1 }})({SCROLLS})"
        await tab.call("Runtime.evaluate", expression=scroll)
        await asyncio.sleep(1.5)  # what comes into view is drawn then
        last = await tab.value(scroll)
        await shoot(tab, os.path.join(folder, f"{number:02}.png"))
    return number


async def look(tab_address, address, wanted, arguments):
    """Opens the address and waits for its charts; returns how many came, what was requested, and faint text."""
    tab = Tab(await websocket_connect(tab_address, max_message_size=1 << 28))
    await tab.call("Network.enable")
    await tab.call("Page.enable")
    await tab.call("Page.navigate", url=address)
    end = time.monotonic() + SECONDS
    while True:
        await asyncio.sleep(0.5)
        found = await tab.value(COUNT) or [0, 0]
        if (found[0] >= wanted[0] and found[1] >= wanted[1]) or time.monotonic() > end:
            break
    if arguments.theme and await tab.value(DARK) != (arguments.theme == "dark"):
        sys.exit(f"browser: JupyterLab's theme is not {arguments.theme}")
    faint = await tab.value(FAINT)
    if arguments.screenshot:
        await tab.call("Runtime.evaluate", expression=SHOW)
        await asyncio.sleep(2)  # a chart grows for a second
        await shoot(tab, arguments.screenshot)
    if arguments.screens:
        await shoot_all(tab, arguments.screens)
    return found, tab.requested, faint


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", metavar="NOTEBOOK.ipynb|PAGE.html")
    parser.add_argument("--theme", choices=["light", "dark"])
    parser.add_argument("--screenshot", metavar="PNG")
    parser.add_argument("--screens", metavar="DIR")
    arguments = parser.parse_args()
    stem, kind = os.path.splitext(arguments.file)
    if arguments.theme and kind == ".html":
        parser.error("--theme goes with a notebook: a page has no themes")
    wanted = charts(stem + ".ipynb")
    if wanted[0] == 0:
        sys.exit(f"browser: {stem}.ipynb has no picture")

    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        if kind == ".html":
            address = "file://" + urllib.parse.quote(os.path.abspath(arguments.file))
        else:
            address = stack.enter_context(jupyterlab(arguments.file, arguments.theme or "light", scratch))
        tab = stack.enter_context(chromium(scratch))
        found, requested, faint = asyncio.run(look(tab, address, wanted, arguments))

    print("{}: {} of {} pictures and {} of {} interactive charts are drawn".format(
        arguments.file, found[0], wanted[0], found[1], wanted[1]))
    if found[0] < wanted[0] or found[1] < wanted[1]:
        sys.exit("browser: a chart is missing")
    if faint:
        sys.exit("browser: hardly to be read: " + "; ".join(faint))
    away = [url for url in requested if urllib.parse.urlsplit(url).hostname not in (None, "127.0.0.1")]
    if away:
        sys.exit("browser: the page asks the network for " + ", ".join(sorted(set(away))))


if __name__ == "__main__":
    main()
