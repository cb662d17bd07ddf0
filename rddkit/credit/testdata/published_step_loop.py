"""The published step loop of the pair, restated, to be timed beside
BenchmarkSimulate: NumPy, one pass of the interpreter per step, as in the code that
came with the paper. Prints the processor time per neuron-step."""

import time

import numpy as np


def simulate(steps, weights, sigma=10.0, c=0.5, dt=0.001, tau=1.0, refractory=3, block=20):
    n = 2
    v, u, h = np.zeros((n, steps)), np.zeros((n, steps)), np.zeros((n, steps))
    vt, ut, r = np.zeros(n), np.zeros(n), np.zeros(n)
    xi = sigma * np.random.randn(n + 1, steps) / np.sqrt(tau)
    xi[0] *= np.sqrt(c)
    xi[1:] *= np.sqrt(1 - c)
    for i in range(steps):
        if i % block == 0:
            ut = vt
        dv = -vt / tau + np.multiply(weights, (0 + xi[0, i] + xi[1:, i]))
        vt = vt + dt * dv
        ut = ut + dt * dv
        s = vt > 1
        h[:, i] = s.astype(int)
        v[:, i] = vt
        u[:, i] = ut
        r[s] = refractory
        vt[r > 0] = 0
        vt[vt < 0] = 0
        ut[ut < 0] = 0
        r[r > 0] -= 1
    return v, u, h


if __name__ == "__main__":
    steps, repeats = 20000, 4
    start = time.process_time()
    for _ in range(repeats):
        simulate(steps, np.array([12.0, 9.0]))
    print(f"{(time.process_time() - start) / repeats / steps / 2 * 1e9:.0f} ns per neuron-step")
