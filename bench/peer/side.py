"""PyTorch's side of the benchmark: the workloads of ../side.lua under the same names, printed as 'name<TAB>seconds'."""
import math
import re
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

threads, budget, only = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else ""
torch.set_num_threads(threads)
torch.manual_seed(1)
now = time.perf_counter


def matches(name):
    """Lua's patterns and Python's agree on plain names, which is what --only is for."""
    return re.search(only.replace("%", "\\"), name)


def measure(name, f, calls=1):
    """Seconds of one call: the median over samples of at least 2 ms."""
    if not matches(name):
        return
    start, n = now(), 0
    while now() - start < 0.05 or n == 0:
        f()
        n += 1
    inner = max(1, math.ceil(2e-3 / ((now() - start) / n)))
    samples, start = [], now()
    while now() - start < budget or len(samples) < 5:
        t = now()
        for _ in range(inner):
            f()
        samples.append((now() - t) / inner)
    samples.sort()
    print("%s\t%.9g" % (name, samples[(len(samples) - 1) // 2] / calls), flush=True)


def repeated(f, n=1000):
    def run():
        for _ in range(n):
            f()
    return run


def overhead():
    a, b, g = torch.ones(1), torch.ones(1), torch.ones(1, requires_grad=True)
    x, y = torch.randn(64), torch.randn(64)
    measure("op/add_1", repeated(lambda: a + b), 1000)
    measure("op/add_1_graph", repeated(lambda: g + b), 1000)
    measure("op/add_64", repeated(lambda: x + y), 1000)
    measure("op/mul_number_64", repeated(lambda: x * 2), 1000)
    measure("op/sum_64", repeated(lambda: x.sum()), 1000)
    measure("op/view_64", repeated(lambda: x.view(8, 8)), 1000)

    def chain():
        v = g
        for _ in range(100):
            v = v + b
        v.backward()
        g.grad = None
    measure("op/backward_chain", chain, 100)


def elementwise():
    for label, n in (("64k", 65536), ("1M", 1048576), ("10M", 10485760)):
        x, y = torch.rand(n), torch.rand(n)
        measure("elementwise/add_" + label, lambda: x + y)
        measure("elementwise/exp_" + label, lambda: x.exp())
        measure("elementwise/tanh_" + label, lambda: x.tanh())
        measure("elementwise/gelu_" + label, lambda: F.gelu(x))
        measure("elementwise/sum_" + label, lambda: x.sum())
        measure("elementwise/add_in_place_" + label, lambda: x.add_(y))
    m, row = torch.rand(1024, 1024), torch.rand(1024)
    measure("elementwise/add_row_1024", lambda: m + row)
    measure("elementwise/transpose_1024", lambda: m.t().contiguous())
    measure("elementwise/softmax_1024", lambda: m.softmax(1))


def products():
    for n in (64, 256, 512, 1024):
        a, b = torch.randn(n, n), torch.randn(n, n)
        measure("matmul/%d" % n, lambda: a.mm(b))
    a, b = torch.randn(32, 128, 64), torch.randn(32, 64, 128)
    measure("matmul/batch_32x128x64x128", lambda: a.bmm(b))
    x, w, c = torch.randn(32, 64, 28, 28), torch.randn(64, 64, 3, 3), torch.zeros(64)
    measure("conv/32x64x28x28_64k3", lambda: F.conv2d(x, w, c, 1, 1))


def step_of(net, opt, x, y):
    def step():
        opt.zero_grad()
        F.cross_entropy(net(x), y).backward()
        opt.step()
    return step


def tiny():
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))


def steps():
    x, y = torch.randn(8, 4), torch.randint(0, 2, (8,))
    net = tiny()
    measure("step/tiny_mlp_sgd", step_of(net, torch.optim.SGD(net.parameters(), lr=1e-2), x, y))
    net = tiny()
    measure("step/tiny_mlp_adam", step_of(net, torch.optim.Adam(net.parameters()), x, y))

    def forward():
        with torch.no_grad():
            return net(x)
    measure("step/tiny_mlp_forward", forward)
    net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    measure("step/mlp_784_512_512_10_b128",
            step_of(net, torch.optim.Adam(net.parameters()), torch.rand(128, 784), torch.randint(0, 10, (128,))))
    net = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                        nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10))
    measure("step/lenet_b64",
            step_of(net, torch.optim.Adam(net.parameters()), torch.rand(64, 1, 28, 28), torch.randint(0, 10, (64,))))


overhead()
elementwise()
products()
steps()
