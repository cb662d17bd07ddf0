"""Tries the Go kernel: cells import the library and draw, gopls completes its names, and how long
that takes.

    python binder/try_kernel.py
"""

import os
import sys
import time

from jupyter_client.manager import start_new_kernel

LIBRARY = "github.com/weightalign/lab/rddkit"


def run(client, code):
    """Runs a cell; returns what it printed, a picture as its type, and the seconds it took."""
    printed = []

    def keep(message):
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])
        elif message["msg_type"] == "display_data":
            printed.extend(kind for kind in message["content"]["data"] if kind == "image/png")

    started = time.monotonic()
    reply = client.execute_interactive(code, timeout=300, output_hook=keep)
    if reply["content"]["status"] != "ok":
        sys.exit(f"kernel: the cell failed: {code}\n{''.join(printed)}")
    return "".join(printed), time.monotonic() - started


def complete(client, code):
    """The names that complete the code at its end, and the seconds it took."""
    started = time.monotonic()
    reply = client.complete(code, reply=True, timeout=120)
    return reply["content"]["matches"], time.monotonic() - started


def main():
    notebooks = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "notebooks")
    started = time.monotonic()
    with open(os.devnull, "w") as null:
        manager, client = start_new_kernel(kernel_name="gonb", cwd=notebooks, stderr=null)
    print(f"kernel started in {time.monotonic() - started:.1f} s")
    try:
        for number in 1, 2, 3:
            text, seconds = run(client, f"%%\nfmt.Println({number} * 7)")
            if text.split() != [str(7 * number)]:
                sys.exit(f"kernel: printed {text!r} instead of {7 * number}")
            print(f"trivial cell {number}: {seconds:.2f} s")

        imports = f'import "{LIBRARY}/spike"\n\n'
        text, seconds = run(client, imports + '%%\nfmt.Printf("%T\\n", spike.DefaultParams())')
        if text.split() != ["spike.Params"]:
            sys.exit(f"kernel: printed {text!r} instead of spike.Params")
        print(f"cell that imports the library: {seconds:.2f} s")

        draw = f"""import (
	"{LIBRARY}"
	"{LIBRARY}/figures"
	"{LIBRARY}/show"
)

%%
records, err := rddkit.Stored(rddkit.Experiment{{Dataset: "cifar10", Drive: "fresh", Epochs: 60}})
show.Check(err)
show.Check(figures.SignAlignment(records...).Show())
"""
        times = []
        for attempt in range(6):
            text, seconds = run(client, f"{draw}// attempt {attempt}: no cell is like the last")
            if text != "image/png":
                sys.exit(f"kernel: printed {text!r} instead of a picture")
            times.append(seconds)
        first, *rest = times
        print(f"cell that draws a stored record: {first:.2f} s, then {min(rest):.2f} to {max(rest):.2f} s")

        for attempt in "first", "second":
            names, seconds = complete(client, imports + "%%\nx := spike.Def")
            print(f"{attempt} completion: {seconds:.2f} s, {len(names)} names")
        if not any("DefaultParams" in name for name in names):
            sys.exit(f"kernel: spike.Def is not completed to DefaultParams, but to {names}")
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


if __name__ == "__main__":
    main()
