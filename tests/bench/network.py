#!/usr/bin/python3
"""Times training of a 64-300-100-10 network on the digits beside PyTorch: same sizes, batches, steps and epochs.

    tests/bench/network.py [--program PATH] [--epochs N] [--repeat N]

Processor time on one thread in a warm process, so that other load disturbs it little; reading the data is left
out, evaluating all samples at the beginning and the end is in. mirrorsim computes in double precision; PyTorch is
timed in its default, single precision, and in double. The repetitions alternate. Exit code 1: mirrorsim takes more
than twice PyTorch's time in single precision, or one of them does not learn.

Needs python3-torch, python3-numpy and python3-scipy (for peers.py).

SPDX-License-Identifier: GPL-3.0-or-later"""
import os
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # one thread for everybody

import argparse
import ctypes
import statistics
import sys
from pathlib import Path
from time import process_time

try:
    import numpy as np
    import torch
except ImportError as missing:
    print(f"network: {missing.name} is not installed (python3-torch); nothing to compare")
    sys.exit(77)
from peers import Library

BATCH, LR, MOMENTUM, TEST_PART, DECAY = 64, 0.1, 0.9, 0.3, 1e-4
DATA = Path(__file__).resolve().parents[2] / "data" / "digits_1797x64.csv"


class Product(torch.nn.Module):
    """x = m w entrywise, m0 w0 = x0, m0^2 - w0^2 = 1."""

    def __init__(self, inputs, outputs):
        super().__init__()
        plain = torch.nn.Linear(inputs, outputs)
        with torch.no_grad():
            x = plain.weight
            m = torch.sqrt(torch.sqrt(x * x + 0.25) + 0.5)
        self.m, self.w, self.bias = (torch.nn.Parameter(v.detach().clone()) for v in (m, x / m, plain.bias))

    def forward(self, a):
        return torch.nn.functional.linear(a, self.m * self.w, self.bias)


def torch_run(layer, precision, epochs, seed):
    torch.manual_seed(seed)
    table = np.loadtxt(DATA, delimiter=",", skiprows=1)
    np.random.default_rng(seed).shuffle(table)
    X = torch.tensor(table[:, 1:] / 16, dtype=precision)
    y = torch.tensor(table[:, 0], dtype=torch.long)
    train = len(y) - int(TEST_PART * len(y))
    relu = torch.nn.ReLU()
    net = torch.nn.Sequential(layer(64, 300), relu, layer(300, 100), relu, layer(100, 10)).to(precision)
    loss = torch.nn.CrossEntropyLoss()
    weights = [p for p in net.parameters() if p.dim() > 1]
    biases = [p for p in net.parameters() if p.dim() == 1]
    decay = 2 * DECAY if layer is Product else 0  # PyTorch's weight_decay is 2 alpha
    step = torch.optim.SGD([{"params": weights, "weight_decay": decay}, {"params": biases}], lr=LR, momentum=MOMENTUM)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(step, epochs)
    begin = process_time()
    for _ in range(epochs):
        order = torch.randperm(train)
        for first in range(0, train, BATCH):
            some = order[first:first + BATCH]
            step.zero_grad()
            loss(net(X[some]), y[some]).backward()
            step.step()
        rate.step()
    with torch.no_grad():
        right = (net(X[train:]).argmax(1) == y[train:]).double().mean().item()
        loss(net(X[:train]), y[:train]).item()
    return process_time() - begin, right


class Network(Library):
    def __init__(self, path):
        super().__init__(path)
        self.lib.ms_run_observe.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        self.lib.ms_run_observe.restype = ctypes.c_double

    def train(self, way, epochs, seed):
        lib, error, run = self.lib, self.Error(), ctypes.c_void_p()
        config = lib.ms_config_new()
        settings = {"model": "network", "data": DATA, "layers": "300,100", "sparsify": way, "epochs": epochs,
                    "batch": BATCH, "lr": LR, "momentum": MOMENTUM, "test-part": TEST_PART, "seed": seed, "points": 2}
        if way == "pilot":
            settings.update({"wd": DECAY, "wd-schedule": "constant"})
        for name, value in settings.items():
            if lib.ms_config_set(config, name.encode(), str(value).encode(), name.encode(), ctypes.byref(error)) < 0:
                raise RuntimeError(error.message.decode())
        if lib.ms_run_new(ctypes.byref(run), config, ctypes.byref(error)) < 0:
            raise RuntimeError(error.message.decode())
        begin = process_time()
        for i in range(lib.ms_run_points(run)):
            if lib.ms_run_advance(run, i, ctypes.byref(error)) < 0:
                raise RuntimeError(error.message.decode())
        seconds, right = process_time() - begin, lib.ms_run_observe(run, b"test_accuracy")
        lib.ms_run_free(run)
        lib.ms_config_free(config)
        return seconds, right


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default="build/mirrorsim")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    ours = Network(str(Path(args.program).resolve().parent / "libmirrorsim.so"))
    jobs = {
        ("x", "PyTorch, single"): lambda s: torch_run(torch.nn.Linear, torch.float32, args.epochs, s),
        ("x", "PyTorch, double"): lambda s: torch_run(torch.nn.Linear, torch.float64, args.epochs, s),
        ("x", "mirrorsim, double"): lambda s: ours.train("plain", args.epochs, s),
        ("m w", "PyTorch, single"): lambda s: torch_run(Product, torch.float32, args.epochs, s),
        ("m w", "mirrorsim, double"): lambda s: ours.train("pilot", args.epochs, s),
    }
    found = {key: [] for key in jobs}
    torch_run(torch.nn.Linear, torch.float32, 2, 0)  # warm
    for seed in range(1, args.repeat + 1):
        for key, job in jobs.items():
            found[key].append(job(seed))
    print(f"64-300-100-10 on the digits, batches of {BATCH}, {args.epochs} epochs, {args.repeat} seeds\n")
    print(f"{'weights':9}{'program':20}{'median':>9}{'least':>9}{'ratio':>8}{'test accuracy':>15}")
    failed = False
    for (weights, program), runs in found.items():
        seconds = [s for s, _ in runs]
        base = statistics.median(s for s, _ in found[(weights, "PyTorch, single")])
        ratio, right = statistics.median(seconds) / base, statistics.mean(r for _, r in runs)
        failed |= right < 0.95 or (program.startswith("mirrorsim") and ratio > 2)
        print(f"{weights:9}{program:20}{statistics.median(seconds):8.2f}s{min(seconds):8.2f}s{ratio:8.2f}{right:15.4f}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
