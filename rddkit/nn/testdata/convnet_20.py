"""Writes the fixture convnet_20: the report's network at sizes of its own.

    python convnet_20.py

Images of two channels and 20 pixels, which leave maps of 2x2 before the fully
connected layers; three feature channels, 11 and 7 hidden units; batches of 6, two
steps of training. The seed gives batches far from a switch of a ReLU. It follows a description of the published network's arithmetic
(ReLU before batch normalisation, softmax before a loss that applies it again,
feedback alignment, momentum, weight decay) in NumPy and double precision, and
shares nothing with this module.
"""
import hashlib
import json
import pathlib

import numpy as np

CHANNELS, SIDE, F, HIDDEN, CLASSES, BATCH, STEPS, SEED = 2, 20, 3, (11, 7), 10, 6, 2, 6
RATE, MOMENTUM = 0.01, 0.9
FLAT = F * (((SIDE - 4) // 2 - 4) // 2) ** 2
SHAPES = {"conv1": (F, CHANNELS, 5, 5), "conv2": (F, F, 5, 5), "fc1": (HIDDEN[0], FLAT), "fc2": (HIDDEN[1], HIDDEN[0]), "fc3": (CLASSES, HIDDEN[1])}
UNITS = {"bn1": F, "bn2": F, "bn3": HIDDEN[0], "bn4": HIDDEN[1]}


def initial(rng):
    values = {}
    for name, shape in SHAPES.items():
        bound = 1 / np.sqrt(np.prod(shape[1:]))
        for part in ("weight", "fb_weight"):
            values[f"{name}.{part}"] = rng.uniform(-bound, bound, shape)
        if name.startswith("fc"):
            values[f"{name}.bias"] = rng.uniform(-bound, bound, shape[0])
    for name, n in UNITS.items():
        values[f"{name}.weight"] = rng.uniform(0.5, 1.5, n) * np.where(np.arange(n) == 1, -1, 1)
        values[f"{name}.bias"] = rng.uniform(-0.2, 0.2, n)
        values[f"{name}.running_mean"], values[f"{name}.running_var"] = np.zeros(n), np.ones(n)
    return {name: a.astype(np.float32) for name, a in values.items()}


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def axes(x):
    return (0, 2, 3) if x.ndim == 4 else (0,)


def spread(a, x):
    return a[None, :, None, None] if x.ndim == 4 else a[None]


def conv(x, w):
    n = x.shape[2] - 4
    return sum(np.einsum("bcij,oc->boij", x[:, :, a:a + n, b:b + n], w[:, :, a, b]) for a in range(5) for b in range(5))


def conv_weight(x, d):
    n, g = d.shape[2], np.zeros((d.shape[1], x.shape[1], 5, 5))
    for a in range(5):
        for b in range(5):
            g[:, :, a, b] = np.einsum("boij,bcij->oc", d, x[:, :, a:a + n, b:b + n])
    return g


def conv_input(d, w):
    n = d.shape[2]
    x = np.zeros((d.shape[0], w.shape[1], n + 4, n + 4))
    for a in range(5):
        for b in range(5):
            x[:, :, a:a + n, b:b + n] += np.einsum("boij,oc->bcij", d, w[:, :, a, b])
    return x


def windows(x):
    b, c, n, _ = x.shape
    return x.reshape(b, c, n // 2, 2, n // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(b, c, n // 2, n // 2, 4)


def unpool(d, x):
    first = windows(x).argmax(-1)  # the first of equals
    w = np.zeros((*first.shape, 4))
    np.put_along_axis(w, first[..., None], d[..., None], -1)
    b, c, n, _ = d.shape
    return w.reshape(b, c, n, n, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(x.shape)


def norm(p, name, x, training):
    if training:
        mean, var = x.mean(axes(x)), x.var(axes(x))
        m = x.size // x.shape[1]
        p[f"{name}.running_mean"] = 0.9 * p[f"{name}.running_mean"] + 0.1 * mean
        p[f"{name}.running_var"] = 0.9 * p[f"{name}.running_var"] + 0.1 * var * m / (m - 1)
    else:
        mean, var = p[f"{name}.running_mean"], p[f"{name}.running_var"]
    scale = 1 / np.sqrt(var + 1e-5)
    hat = (x - spread(mean, x)) * spread(scale, x)
    return spread(p[f"{name}.weight"], x) * hat + spread(p[f"{name}.bias"], x), hat, scale


def norm_back(p, name, d, hat, scale, grad):
    grad[f"{name}.weight"], grad[f"{name}.bias"] = (d * hat).sum(axes(d)), d.sum(axes(d))
    g = d * spread(p[f"{name}.weight"], d)
    return (g - spread(g.mean(axes(g)), g) - hat * spread((g * hat).mean(axes(g)), g)) * spread(scale, g)


LAYERS = [("conv1", "relu1", "bn1", "pool1"), ("conv2", "relu2", "bn2", "pool2"), ("fc1", "relu3", "bn3", None), ("fc2", "relu4", "bn4", None), ("fc3", None, None, None)]


def forward(p, x, training):
    act, cache = {}, {}
    for layer, relu, bn, pool in LAYERS:
        if layer == "fc1":
            x = act["flatten"] = x.reshape(len(x), -1)
        cache[layer] = x
        x = conv(x, p[f"{layer}.weight"]) if layer.startswith("conv") else x @ p[f"{layer}.weight"].T + p[f"{layer}.bias"]
        act["logits" if relu is None else layer] = x
        if relu is None:
            break
        x = act[relu] = np.maximum(x, 0)
        x, hat, scale = norm(p, bn, x, training)
        act[bn], cache[bn] = x, (hat, scale)
        if pool:
            x = act[pool] = windows(x).max(-1)
    act["probs"] = softmax(x)
    return act, cache


def loss_of(act, y, single):
    z = act["logits"] if single else act["probs"]
    return -np.log(softmax(z)[np.arange(len(y)), y]).mean()


def backward(p, act, cache, y, method, single):
    delta, grad = {}, {}
    hot = np.eye(CLASSES)[y]
    if single:
        d = (act["probs"] - hot) / len(y)
    else:
        d = delta["probs"] = (softmax(act["probs"]) - hot) / len(y)
        d = act["probs"] * (d - (act["probs"] * d).sum(1, keepdims=True))
    back = "weight" if method == "bp" else "fb_weight"
    for k, (layer, relu, bn, pool) in reversed(list(enumerate(LAYERS))):
        if pool:
            delta[pool] = d
            d = unpool(d, act[bn])
        if relu:
            delta[bn] = d
            d = delta[relu] = norm_back(p, bn, d, *cache[bn], grad)
            d = d * (act[relu] > 0)
        delta["logits" if relu is None else layer] = d
        if layer.startswith("conv"):
            grad[f"{layer}.weight"] = conv_weight(cache[layer], d)
            d = conv_input(d, p[f"{layer}.{back}"])
        else:
            grad[f"{layer}.weight"], grad[f"{layer}.bias"] = d.T @ cache[layer], d.sum(0)
            d = d @ p[f"{layer}.{back}"]
        if layer == "fc1":
            delta["flatten"] = d
            d = d.reshape(act["pool2"].shape)
    delta["input"] = d
    return delta, grad


def replay(folder, start, batches, method, single, decay, step1):
    p = {name: a.astype(np.float64) for name, a in start.items()}
    buffers, losses = {}, []
    for step in range(1, STEPS + 1):
        x, y = batches[f"x{step}"].astype(np.float64), batches[f"y{step}"]
        act, cache = forward(p, x, True)
        losses.append(loss_of(act, y, single))
        delta, grad = backward(p, act, cache, y, method, single)
        if step == 1 and step1:
            save(f"{folder}/step1_f64.npz", {"loss": np.array([losses[0]]), "logits": act["logits"], "probs": act["probs"],
                 **{f"delta.{k}": v for k, v in delta.items()}, **{f"grad.{k}": v for k, v in grad.items()}})
        for name, g in grad.items():
            buffers[name] = MOMENTUM * buffers.get(name, 0) + g + decay * p[name]
        for name, b in buffers.items():
            p[name] = p[name] - RATE * b
        if method == "fa" and decay:
            for layer in SHAPES:
                p[f"{layer}.fb_weight"] = p[f"{layer}.fb_weight"] * (1 - decay)
        save(f"{folder}/after{step}_f64.npz", {**p, **{f"momentum.{k}": v for k, v in buffers.items()}, "losses": np.array(losses)})
    act, _ = forward(p, batches["x_eval"].astype(np.float64), False)
    save(f"{folder}/eval_f64.npz", {"logits": act["logits"], "probs": act["probs"], "loss": np.array([loss_of(act, batches["y_eval"], single)]),
         "predicted": act["probs"].argmax(1)})


listed = {}
root = pathlib.Path(__file__).with_name("convnet_20")


def save(name, arrays):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{k: np.ascontiguousarray(a) for k, a in arrays.items()})
    listed[name] = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


rng = np.random.default_rng(SEED)
start = initial(rng)
batches = {}
for step in [*range(1, STEPS + 1), "_eval"]:
    batches[f"x{step}"] = rng.uniform(-1, 1, (BATCH, CHANNELS, SIDE, SIDE)).astype(np.float32)
    batches[f"y{step}"] = rng.integers(0, CLASSES, BATCH)
save("small/init.npz", start)
save("small/batches.npz", batches)
for variant in ("fa", "bp_single_softmax"):
    replay(f"small/{variant}", start, batches, variant[:2], variant.endswith("softmax"), 0, True)
replay("decay/strong", start, batches, "fa", False, 0.03, False)
manifest = {
    "about": "The report's network at other sizes; written by convnet_20.py",
    "hyperparameters": {"learning_rate": RATE, "momentum": MOMENTUM, "weight_decay": 0},
    "sets": {
        "small": {"input": f"{CHANNELS}x{SIDE}x{SIDE}", "feature_channels": F, "flatten": FLAT, "hidden": HIDDEN, "classes": CLASSES, "batch": BATCH,
                  "variants": ["fa", "bp_single_softmax"], "steps": STEPS},
        "decay": {"based_on": "small/init.npz and small/batches.npz, fa, double softmax", "strong": {"weight_decay": 0.03, "fb_decay_per_step": 0.03}, "steps": STEPS},
    },
    "files": listed,
}
(root / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
