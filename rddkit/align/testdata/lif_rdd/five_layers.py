"""Writes the fixture five_layers: the network of lif_rdd at sizes of its own.

    python five_layers.py

It follows the description of the published program's arithmetic (order of the
layers within a step, windows, regressions, feedback weights) and shares nothing
with this module. NumPy, double precision.
"""
import hashlib
import json
import pathlib

import numpy as np

SIZES, PHASE, FIRST, SHOWN, EVERY = (14, 9, 7, 6, 5), 700, 100, 6, 300
PHASES = len(SIZES) - 1
STEPS = PHASE * PHASES
UPDATES = [900, STEPS]
G_L, G_D, ALPHA, RATE, FRACTION, REDRAW = 100.0, 600.0, 4.0, 0.2, 0.2, 100
DT, RESET, THRESHOLD, REFRACTORY, MEMORY = 0.001, -1.0, 1.0, 3, 30
WINDOW, HALF_WIDTH, ACCEPT, ETA = 30, 0.1, 10.0, 0.002
AGES = np.arange(1, MEMORY + 1)
KAPPA = (np.exp(-AGES / 10) - np.exp(-AGES / 3)) / 7


def exact32(a):
    return a.astype(np.float32).astype(np.float64)


rng = np.random.default_rng(7)
W = [exact32(rng.uniform(0, 1, (SIZES[l + 1], SIZES[l])) / np.sqrt(SIZES[l])) for l in range(PHASES)]
B = [exact32(rng.uniform(-1, 1, (SIZES[l], SIZES[l + 1])) / np.sqrt(SIZES[l + 1])) for l in range(PHASES)]
scaled = [0.2 * w.shape[1] * w / w.std() for w in W]

# Drive: the sets accumulate.
driven = [np.zeros(n, bool) for n in SIZES[:-1]]


def redraw():
    for l, n in enumerate(SIZES[:-1]):
        driven[l][rng.permutation(n)[: max(1, int(FRACTION * n))]] = True


redraw()
drive = [np.zeros((PHASE, n), np.uint8) for n in SIZES[:-1]]
for t in range(STEPS):
    if (t + 1) % REDRAW == 0:
        redraw()
    l = t // PHASE
    drive[l][t % PHASE] = np.where(driven[l], rng.poisson(RATE, SIZES[l]), 0)

v = [np.full(n, RESET) for n in SIZES]
u = [np.full(n, RESET) for n in SIZES[:-1]]
r = [np.zeros(n, int) for n in SIZES]
w = [np.zeros(n, int) for n in SIZES[:-1]]
count = [np.zeros(n, int) for n in SIZES[:-1]]
M = [np.zeros(n) for n in SIZES[:-1]]
R = [np.zeros(b.shape) for b in B]
Rpre = [np.zeros(b.shape) for b in B]
P = [np.zeros((b.shape[0], 4, b.shape[1])) for b in B]
beta = [np.zeros(b.shape) for b in B]
fb = [b.copy() for b in B]
fb_std = [float(b.std()) for b in B]
spikes = [np.zeros((STEPS, n), np.uint8) for n in SIZES]
closest = {"fire": np.inf, "open": np.inf}
files = {}
trace = {"v": [[] for _ in SIZES], "u": [[] for _ in SIZES[:-1]]}
windows = [[] for _ in B]
targets = [[] for _ in B]
checkpoints = {"rdd_params": [[] for _ in B], "beta": [[] for _ in B]}


def filtered(history, newest):
    """Sum over ages of kappa times the rows of history up to the newest."""
    total = np.zeros(history.shape[1])
    for age in range(1, MEMORY + 1):
        if newest + 1 - age >= 0:
            total = total + KAPPA[age - 1] * history[newest + 1 - age]
    return total


for t in range(STEPS):
    phase, into = divmod(t, PHASE)
    for l, n in enumerate(SIZES):
        rdd = l < PHASES
        if rdd:
            ending = w[l] == 1
            M[l] = np.where((w[l] > 0) & (u[l] > M[l]), u[l], M[l])
        r[l] = np.maximum(r[l] - 1, 0)
        if l == phase:
            I = ALPHA * filtered(drive[l], into)
        elif l > 0:
            I = scaled[l - 1] @ filtered(spikes[l - 1], t)
        else:
            I = np.zeros(n)
        if rdd:
            q = filtered(spikes[l + 1], t - 1)
            u[l] = u[l] + DT * (-G_L * u[l] + G_D * (I - u[l]))
        v[l] = v[l] + DT * (-G_L * v[l] + G_D * (I - v[l]))
        if rdd:
            R[l] += np.where((w[l] > 0)[:, None], q, 0)
            Rpre[l] = np.where((w[l] == 0)[:, None], q, Rpre[l])
        if (r[l] == 0).any():
            closest["fire"] = min(closest["fire"], np.abs(v[l] - THRESHOLD)[r[l] == 0].min())
        fired = (v[l] >= THRESHOLD) & (r[l] == 0)
        v[l] = np.where(fired, RESET, v[l])
        r[l] = np.where(fired, REFRACTORY, r[l])
        if rdd:
            if l == phase:
                for i in np.flatnonzero(ending):
                    used = abs(M[l][i] - THRESHOLD) <= ACCEPT
                    y = R[l][i] / WINDOW - Rpre[l][i]
                    windows[l].append([t, i, count[l][i], M[l][i], used])
                    targets[l].append(y)
                    if used:
                        p = P[l][i]
                        intercept, slope = (0, 2) if count[l][i] >= 1 else (1, 3)
                        e = p[slope] * M[l][i] + p[intercept] - y
                        p[slope] -= ETA * e * M[l][i]
                        p[intercept] -= ETA * e
                        beta[l][i] = (p[2] + p[0]) - (p[3] + p[1])
            w[l] = np.maximum(w[l] - 1, 0)
            u[l] = np.where(w[l] == 0, v[l], u[l])
            near = np.abs(1 - u[l])
            if (w[l] == 0).any():
                closest["open"] = min(closest["open"], np.abs(near - HALF_WIDTH)[w[l] == 0].min())
            w[l] = np.where((w[l] == 0) & (near <= HALF_WIDTH), WINDOW, w[l])
            count[l] = np.where((w[l] > 0) & fired, count[l] + 1, count[l])
            count[l] = np.where(ending, 0, count[l])
            M[l] = np.where(ending, 0, M[l])
            R[l] = np.where(ending[:, None], 0, R[l])
        spikes[l][t] = fired
        if into < FIRST:
            trace["v"][l].append(v[l][:SHOWN].copy())
            if rdd:
                trace["u"][l].append(u[l][:SHOWN].copy())
    if (into + 1) % EVERY == 0:
        checkpoints["rdd_params"][phase].append(P[phase].copy())
        checkpoints["beta"][phase].append(beta[phase].copy())
    if t + 1 in UPDATES:
        for l in range(PHASES):
            some = beta[l] != 0
            if some.any():
                fb[l] = np.where(some, beta[l] * fb_std[l] / beta[l][some].std(), fb[l])
            files[f"fb_weight_after_{t + 1}_{l}"] = fb[l].copy()

for l in range(PHASES):
    files[f"W{l + 1}"], files[f"B{l}"], files[f"W_scaled{l + 1}"] = W[l], B[l], scaled[l]
    files[f"drive{l}"] = drive[l]
    files[f"windows{l}"] = np.array(windows[l], float).reshape(-1, 5)
    files[f"window_target{l}"] = np.array(targets[l]).reshape(-1, SIZES[l + 1])
    for name, of in checkpoints.items():
        files[f"{name}_checkpoints{l}"] = np.array(of[l])
    files[f"rdd_params_final{l}"], files[f"beta_final{l}"] = P[l], beta[l]
    files[f"u{l}"] = np.array(trace["u"][l]).reshape(PHASES, FIRST, -1)
for l in range(len(SIZES)):
    files[f"spikes{l}"] = spikes[l]
    files[f"v{l}"] = np.array(trace["v"][l]).reshape(PHASES, FIRST, -1)

folder = pathlib.Path(__file__).with_name("five_layers")
folder.mkdir(exist_ok=True)
listed = {}
for name, a in sorted(files.items()):
    path = folder / f"{name}.npy"
    np.save(path, np.ascontiguousarray(a))
    listed[path.name] = {"dtype": str(a.dtype), "shape": a.shape, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    if "checkpoints" in name:
        listed[path.name]["axes"] = [f"checkpoint k: after (k+1)*{EVERY} steps of phase {name[-1]}"]
manifest = {
    "fixture": "five_layers", "title": "five layers, written by five_layers.py from the description of the model", "files": listed,
    "sizes": SIZES, "T_steps": STEPS, "phase_steps": PHASE, "fuzzy": False, "feedback_weight_updates_after_steps": UPDATES,
    "hyper_parameters": {
        "dt_s": DT, "tau_L_s": 0.01, "tau_s_s": 0.003, "mem_steps": MEMORY, "g_L_per_s": G_L, "g_D_per_s": G_D, "v_reset": RESET,
        "spike_threshold": THRESHOLD, "refractory_time_steps": REFRACTORY, "alpha": ALPHA, "input_rate_hz": RATE / DT,
        "driven_fraction": FRACTION, "redraw_every_steps": REDRAW, "RDD_window_steps": WINDOW, "RDD_init_window": HALF_WIDTH,
        "u_window": ACCEPT, "RDD_eta": ETA, "weight_scale_factor": 0.2},
    "fb_weight_std": fb_std, "closest_approach": closest,
    "summary": {"spikes_per_phase": [[int(s[p * PHASE:(p + 1) * PHASE].sum()) for p in range(PHASES)] for s in spikes],
                "windows_ended_while_driven": [len(x) for x in windows], "beta_nonzero": [int((b != 0).sum()) for b in beta]},
}
(folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
print(manifest["summary"], closest)
