"""Tests of the commands in this folder: what they refuse, and what a failing notebook looks like.

    python binder/commands_test.py [-v] [Commands|Notebooks|Kernels|Papermill|Toolchain]
"""

import functools
import hashlib
import http.server
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

BINDER = pathlib.Path(__file__).resolve().parent
ROOT = BINDER.parent
LAB = str(BINDER / "lab")


def run(*command, **options):
    """Runs a command; returns its exit code, and what it printed on both streams."""
    options.setdefault("timeout", 600)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)
    return done.returncode, done.stdout + done.stderr


class Folder(unittest.TestCase):
    """A test with an empty folder of its own."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="with space "))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)


class Commands(Folder):
    def test_bad_arguments(self):
        notebook = str(self.folder / "n.ipynb")
        pathlib.Path(notebook).write_text("{}")
        for arguments in (
            ["--frobnicate"], ["--run"], ["--run", "missing.ipynb"], ["--run", str(BINDER / "lab")], [notebook],
            ["--port"], ["--port", ""], ["--port", "0"], ["--port", "65536"], ["--port", "http"],
            ["--out", "x"], ["--inplace"], ["--run", notebook, "--port", "8888"],
            ["--run", notebook, "--inplace", "--out", "x"],
        ):
            code, text = run(LAB, *arguments, cwd=self.folder)
            self.assertEqual((code, text.count("\n")), (2, 1), f"{arguments}: {text}")
        for script in "install-kernel", "fetch-go", "test":
            self.assertEqual(run(str(BINDER / script), "--frobnicate")[0], 2, script)
        self.assertEqual(run(LAB, "--help")[0], 0)

    def checkout(self, **programs):
        """A checkout with nothing installed, and a PATH that has only these programs and the basic ones."""
        root, bin = self.folder / "checkout", self.folder / "bin"
        shutil.copytree(BINDER, root / "binder")
        shutil.copy(ROOT / "go.mod", root)
        bin.mkdir()
        for name in "bash cat cksum cut dirname env head id mkdir rm sed sh tail".split():
            os.symlink(shutil.which(name), bin / name)
        for name, script in programs.items():
            (bin / name).write_text(f"#!/bin/sh\n{script}\n")
            (bin / name).chmod(0o755)
        return str(root / "binder" / "lab"), {"PATH": str(bin), "HOME": str(self.folder)}

    def assertOneLine(self, answer, *words):
        code, text = answer
        self.assertEqual((code, text.count("\n")), (1, 1), text)
        for word in words:
            self.assertIn(word, text)

    def test_no_go(self):
        lab, environment = self.checkout()
        self.assertOneLine(run(lab, env=environment), "Go 1.26", "https://go.dev/dl")

    def test_old_go(self):
        # An old one that knows no toolchains, and a newer one that may not fetch the one it needs.
        lab, environment = self.checkout(go='[ "$GOTOOLCHAIN" = local ] && echo go1.25.3')
        self.assertOneLine(run(lab, env=environment), "Go 1.26", "1.25.3")

    def test_new_go_and_no_python(self):
        for version in "go1.26.0", "go1.30rc1", "go2.0":
            with self.subTest(version):
                lab, environment = self.checkout(go=f"echo {version}", python3="exit 1")
                self.assertOneLine(run(lab, env=environment), "Python 3.10", "https://")
                shutil.rmtree(self.folder)
                self.folder.mkdir()

    def test_a_link_to_what_another_checkout_has(self):
        lab, environment = self.checkout(go="echo go1.26.0", python3='[ "$2" != venv ] || { rm -rf "$4"/*; exit 1; }')
        other = self.folder / "other"
        other.mkdir()
        (other / "jupyter.made").touch()
        os.symlink(other, pathlib.Path(lab).parent.parent / ".lab")
        run(lab, "--setup", env=environment)
        self.assertEqual([p.name for p in other.iterdir()], ["jupyter.made"])

    def test_openblas_beside_a_jupyterlab_of_ones_own(self):
        # Python and pip of the JupyterLab, which answers every other question with success.
        python = self.folder / "own" / "python3"
        python.parent.mkdir()
        pip = 'echo "pip $*" >> "$HOME/pip.log"; [ -e "$HOME/offline" ] && exit 1; while [ "$1" != --target ]; do shift; done'
        python.write_text(f"""#!/bin/sh
if [ "$2" = pip ]; then {pip}; mkdir -p "$2/scipy_openblas32-$(sed -n 's/.*==\\([^ ]*\\).*/\\1/p' "$4").dist-info"; fi
""")
        python.chmod(0o755)
        lab, environment = self.checkout(go="echo go1.26.0")
        jupyter = self.folder / "bin" / "jupyter"
        jupyter.write_text(f"#!{python}\n")
        jupyter.chmod(0o755)
        root = pathlib.Path(lab).parent.parent
        (root / "binder" / "install-kernel").write_text("#!/bin/sh\n")
        log, packages = self.folder / "pip.log", root / ".lab" / "lib" / "python3" / "site-packages"

        (self.folder / "offline").touch()
        code, text = run(lab, "--setup", env=environment)
        self.assertEqual(code, 0, text)
        self.assertIn("OpenBLAS could not be installed", text)
        self.assertIn(f"--no-deps --target {packages} -r {root}/binder/openblas.txt", log.read_text())
        (self.folder / "offline").unlink()
        for attempt in "with a network", "once more":
            code, text = run(lab, "--setup", env=environment)
            self.assertEqual(code, 0, text)
            self.assertNotIn("could not", text, attempt)
        self.assertEqual(log.read_text().count("openblas.txt"), 2, log.read_text())
        self.assertEqual(len(list(packages.glob("scipy_openblas32-*.dist-info"))), 1)
        # Another version takes its place.
        (root / "binder" / "openblas.txt").write_text("scipy-openblas32==9.9\n")
        self.assertEqual(run(lab, "--setup", env=environment)[0], 0)
        self.assertEqual([p.name for p in packages.iterdir()], ["scipy_openblas32-9.9.dist-info"])


def notebook(*cells, tags=()):
    return json.dumps({
        "cells": [
            {"cell_type": "code", "source": cell, "metadata": {"tags": list(tags)}, "outputs": [], "execution_count": None}
            for cell in cells
        ],
        "metadata": {"kernelspec": {"name": "gonb", "display_name": "Go (gonb)", "language": "go"}},
        "nbformat": 4, "nbformat_minor": 4,
    })


class Notebooks(Folder):
    def execute(self, text, *options):
        path = self.folder / "n.ipynb"
        path.write_text(text)
        return run(LAB, "--run", "n.ipynb", *options, cwd=self.folder)

    def test_failing_cells(self):
        good = '%%\nfmt.Println("fine")'
        for name, cell, reason in (
            ("compile error", "%%\nx := 1", "declared and not used: x"),
            ("panic", '%%\npanic("ouch")', "panic: ouch"),
            ("exit", "%%\nos.Exit(3)", "exit status 3"),
            ("stderr", '%%\nfmt.Fprintln(os.Stderr, "noise")', "printed to stderr: noise"),
            ("failing command", "!ls nowhere", "nowhere"),
            ("unknown import", 'import "github.com/weightalign/lab/nowhere"\n\n%%\nnowhere.F()', "nowhere"),
        ):
            with self.subTest(name):
                code, text = self.execute(notebook(good, cell, good))
                self.assertEqual(code, 1, text)
                self.assertIn("FAILED n.ipynb, cell 2 of 3", text)
                self.assertIn(reason, text)
                self.assertNotIn("cell 3 of 3", text)
                self.assertIn("fine", (self.folder / "out" / "n.ipynb").read_text())
                self.assertTrue((self.folder / "out" / "n.html").exists())

    def test_time_limit(self):
        text = json.loads(notebook("%%\ntime.Sleep(time.Minute)"))
        text["cells"][0]["metadata"]["timeout"] = 3
        code, printed = self.execute(json.dumps(text))
        self.assertEqual(code, 1, printed)
        self.assertIn("cell 1 of 1: took more than 3 s", printed)

    def test_allowed_stderr(self):
        code, text = self.execute(notebook('%%\nfmt.Fprintln(os.Stderr, "noise")', tags=["stderr-ok"]))
        self.assertEqual(code, 0, text)

    def test_not_a_notebook(self):
        for text in "", "[]", "{}", '{"cells": 3}', notebook("x")[:40]:
            with self.subTest(text):
                code, printed = self.execute(text)
                self.assertEqual(code, 1, printed)
                self.assertIn("FAILED n.ipynb: not a notebook", printed)
                self.assertNotIn("Traceback", printed)
                self.assertFalse((self.folder / "out").exists())

    def test_inplace_is_stable(self):
        cells = (
            'import "github.com/janpfeifer/gonb/gonbui"\n\n%%\nid := gonbui.UniqueId()\n'
            'gonbui.DisplayHTML(fmt.Sprintf(`<b id="b-%s">x</b><script>find("b-%s")</script>`, id, id))\ngonbui.Sync()',
            "%%\nfor i := range 3 {\n\tfmt.Println(i)\n\ttime.Sleep(time.Second / 5)\n}",
        )
        code, text = self.execute(notebook(*cells), "--inplace")
        self.assertEqual(code, 0, text)
        first = (self.folder / "n.ipynb").read_text()
        self.assertFalse((self.folder / "out").exists())
        code, text = self.execute(first, "--inplace")
        self.assertEqual(code, 0, text)
        self.assertEqual(first, (self.folder / "n.ipynb").read_text())

        outputs = [cell["outputs"] for cell in json.loads(first)["cells"]]
        shown = "".join(outputs[0][0]["data"]["text/html"])
        self.assertEqual(shown, '<b id="b-00000001">x</b><script>find("b-00000001")</script>')
        self.assertEqual([o["text"] for o in outputs[1]], [["0\n", "1\n", "2\n"]])


    def test_cells_that_are_to_fail(self):
        bad = json.loads(notebook("%%\npanic(3)", tags=["raises-exception"]))
        bad["cells"] += json.loads(notebook('%%\nfmt.Println("goes on")'))["cells"]
        code, text = self.execute(json.dumps(bad))
        self.assertEqual(code, 0, text)
        self.assertIn("goes on", (self.folder / "out" / "n.ipynb").read_text())
        code, text = self.execute(notebook('%%\nfmt.Println("fine")', tags=["raises-exception"]))
        self.assertEqual(code, 1, text)
        self.assertIn("did not fail", text)

    def test_inplace_keeps_the_author_s_metadata(self):
        made = json.loads(notebook('%%\nfmt.Println("fine")'))
        own = {"authors": [{"name": "A. Student"}], "jupytext": {"formats": "ipynb,go:percent"}, "title": "T"}
        made["metadata"] |= own | {"language_info": {"name": "go", "version": "go1.1"}}
        code, text = self.execute(json.dumps(made), "--inplace")
        self.assertEqual(code, 0, text)
        kept = json.loads((self.folder / "n.ipynb").read_text())["metadata"]
        self.assertEqual(kept | own, kept)
        self.assertNotIn("version", kept["language_info"])

    def test_a_python_notebook_stays_one(self):
        kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        made = json.loads(notebook("print(6 * 7)"))
        made["metadata"]["kernelspec"] = kernelspec
        code, text = self.execute(json.dumps(made), "--inplace")
        if "No such kernel" in text:
            self.skipTest("this Jupyter has no Python kernel")
        self.assertEqual(code, 0, text)
        self.assertEqual(json.loads((self.folder / "n.ipynb").read_text())["metadata"]["kernelspec"], kernelspec)


def lab_kernel():
    """The folder of the kernel that binder/lab has made."""
    return pathlib.Path(os.environ.get("RDDKIT_LAB", ROOT / ".lab")) / "share" / "jupyter" / "kernels" / "gonb"


IMPORT = 'import "github.com/weightalign/lab/rddkit/show"\n\n%%\nshow.Markdown("seen")'


class Kernels(Folder):
    """The kernel under settings of the go command that would break it, and when it dies."""

    def execute(self, **environment):
        (self.folder / "n.ipynb").write_text(notebook(IMPORT))
        settings = ("GOENV", "GOWORK", "GO111MODULE", "GOFLAGS", "GOOS", "GOARCH")
        clean = {k: v for k, v in os.environ.items() if k not in settings}
        return run(LAB, "--run", "n.ipynb", cwd=self.folder, env=clean | environment)

    def test_settings_of_the_go_command(self):
        for settings in (
            {"GOWORK": "off"}, {"GO111MODULE": "off"}, {"GOFLAGS": "-mod=vendor"}, {"GOOS": "windows", "GOARCH": "386"},
        ):
            kept = self.folder / "env"
            kept.write_text("".join(f"{k}={v}\n" for k, v in settings.items()))
            for name, environment in ("environment", settings), ("go env -w", {"GOENV": str(kept)}):
                with self.subTest(name, settings=settings):
                    before = kept.read_text()
                    code, text = self.execute(**environment)
                    self.assertEqual(code, 0, text)
                    self.assertIn("seen", (self.folder / "out" / "n.ipynb").read_text())
                    self.assertEqual(kept.read_text(), before)

    def test_an_emptied_module_cache_is_filled_again(self):
        cache = self.folder / "modules"
        self.addCleanup(lambda: [p.chmod(0o755) for p in cache.rglob("*") if p.is_dir()])
        code, text = self.execute(GOMODCACHE=str(cache))
        self.assertEqual(code, 0, text)

    def test_a_workspace_above_the_checkout(self):
        # Its settings, which install-kernel and lab share, let the tools' own file of modules be read.
        (self.folder / "other").mkdir()
        (self.folder / "other" / "go.mod").write_text("module example.org/other\n\ngo 1.26\n")
        (self.folder / "go.work").write_text("go 1.26\n\nuse ./other\n")
        root = self.folder / "checkout"
        shutil.copytree(BINDER, root / "binder")
        for name in "go.mod", "go.sum":
            shutil.copy(ROOT / name, root)
        script = "set -e; source binder/go-settings; go list -modfile=binder/tools.mod tool; go env GOWORK"
        for settings in {}, {"GOWORK": "auto"}, {"GO111MODULE": "off"}:
            code, text = run("bash", "-c", script, cwd=root, env=os.environ | settings)
            self.assertEqual((code, text.splitlines()[-1:]), (0, ["off"]), text)
            self.assertIn("gopls", text)

    def test_a_dying_kernel_says_why(self):
        folder = self.folder / "share" / "kernels" / "gonb"
        folder.mkdir(parents=True)
        made = json.loads((lab_kernel() / "kernel.json").read_text())
        made["argv"] = ["-go_work=/nowhere" if a.startswith("-go_work=") else a for a in made["argv"]]
        (folder / "kernel.json").write_text(json.dumps(made))
        (self.folder / "n.ipynb").write_text(notebook(IMPORT))
        code, text = run(sys.executable, str(BINDER / "run_notebooks.py"), "n.ipynb", cwd=self.folder,
                         env=os.environ | {"JUPYTER_PATH": str(self.folder / "share")})
        self.assertEqual(code, 1, text)
        self.assertIn("go.work", text)
        self.assertLess(text.count("\n"), 20, text)
        self.assertNotIn("goroutine", text)


class Papermill(Folder):
    def test_parameters(self):
        packages = self.folder / "packages"
        code, text = run(
            sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--target", str(packages),
            "papermill==2.7.0", "click==8.5.1", "entrypoints==0.4.2", "tenacity==9.2.1", "tqdm==4.70.1",
            str(shutil.copytree(BINDER / "papermill", self.folder / "source")))
        if code != 0:
            self.skipTest("papermill cannot be installed: " + text)
        made = json.loads(notebook(
            'var (\n\tepochs = 5\n\trate = 0.5\n\tname = "none"\n\tseeds = []int{1}\n\tkept = "default"\n)',
            '%%\nfmt.Println(epochs*2, rate/2, name, len(seeds), kept)'))
        made["cells"][0]["metadata"]["tags"] = ["parameters"]
        (self.folder / "n.ipynb").write_text(json.dumps(made))
        code, text = run(
            sys.executable, "-m", "papermill", "n.ipynb", "out.ipynb", "-p", "epochs", "20", "-p", "rate", "1.0",
            "-y", 'name: "a \\"quoted\\" ±"', "-y", "seeds: [7, 8, 9]", cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(packages), "JUPYTER_PATH": str(lab_kernel().parent.parent)})
        self.assertEqual(code, 0, text)
        cells = json.loads((self.folder / "out.ipynb").read_text())["cells"]
        printed = "".join(t for o in cells[-1]["outputs"] for t in o["text"])
        self.assertEqual(printed, '40 0.5 a "quoted" ± 3 default\n')


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Toolchain(Folder):
    def setUp(self):
        super().setUp()
        self.served = self.folder / "served"
        self.served.mkdir()
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Quiet, directory=str(self.served)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.user = self.folder / "user"
        self.user.mkdir()
        self.prefix = []
        if os.geteuid() == 0 and shutil.which("setpriv"):  # as a user without rights
            self.folder.chmod(0o755)
            shutil.chown(self.user, 65534, 65534)
            self.prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        script = self.folder / "fetch-go"
        shutil.copy(BINDER / "fetch-go", script)
        self.script = str(script)
        self.environment = {
            "HOME": str(self.user), "PATH": "/usr/local/bin:/usr/bin:/bin",
            "GO_TOOLCHAINS": f"http://127.0.0.1:{server.server_port}",
        }
        arch = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine())
        pins = dict(line.split("=", 1) for line in (BINDER / "fetch-go").read_text().splitlines()
                    if line.startswith(("version=", "sha256_")))
        if arch is None or sys.platform != "linux":
            self.skipTest("Binder's machines run Linux on amd64 or arm64")
        self.version, self.sha256 = pins["version"], pins[f"sha256_{arch}"]
        self.name = f"v0.0.1-go{self.version}.linux-{arch}"

    def fetch(self):
        return run(*self.prefix, self.script, str(self.user / "toolchain"), env=self.environment, cwd=self.user)

    def test_wrong_checksum(self):
        (self.served / f"{self.name}.zip").write_bytes(b"something else")
        code, text = self.fetch()
        self.assertEqual(code, 1, text)
        self.assertIn("SHA-256", text)
        self.assertEqual(list(self.user.iterdir()), [])

    def test_not_served(self):
        code, text = self.fetch()
        self.assertEqual((code, text.count("\n")), (1, 1), text)
        self.assertIn("404", text)
        self.assertEqual(list(self.user.iterdir()), [])

    def test_folder_in_use(self):
        (self.user / "toolchain").mkdir()
        self.assertEqual(self.fetch()[0], 1)

    def test_right_toolchain(self):
        # The go command checks what it downloads with the public checksum database.
        code, text = run("go", "mod", "download", "-json", f"golang.org/toolchain@{self.name}", cwd=self.folder)
        self.assertEqual(code, 0, text)
        archive = json.loads(text)["Zip"]
        with open(archive, "rb") as file:
            self.assertEqual(hashlib.sha256(file.read()).hexdigest(), self.sha256)
        shutil.copy(archive, self.served / f"{self.name}.zip")

        code, text = self.fetch()
        self.assertEqual(code, 0, text)
        self.assertEqual([p.name for p in self.user.iterdir()], ["toolchain"])
        go = str(self.user / "toolchain" / "bin" / "go")
        (self.user / "hello.go").write_text('package main\n\nfunc main() { print("hello") }\n')
        environment = self.environment | {"GOTOOLCHAIN": "local"}
        self.assertIn(f"go{self.version} ", run(go, "version", env=environment, cwd=self.user)[1])
        self.assertEqual(run(*self.prefix, go, "run", "hello.go", env=environment, cwd=self.user), (0, "hello"))


if __name__ == "__main__":
    unittest.main()
