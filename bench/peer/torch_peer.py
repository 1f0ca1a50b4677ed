"""PyTorch's side of the benchmarks: answers the orders that bench/worker.lua describes, for the same workloads.

    torch_peer.py THREADS
"""
import gc, os, sys, time

import torch
import torch.nn as nn
import torch.nn.functional as F

SAMPLE, WARM = 0.005, 0.15  # seconds
KINDS = {}


def kind(f):
    KINDS[f.__name__] = f
    return f


def leaves(*tensors):
    for t in tensors:
        t.requires_grad_()


def compiled(text, **names):
    exec("def step():\n" + "\n".join("    " + line for line in text.splitlines()), names)
    return names["step"]


# ------------------------------------------------------------------ overhead
@kind
def operator(op, n, graph):
    x, y = torch.randn(n), torch.randn(n)
    if graph:
        leaves(x, y)
    expression = {"add": "x + y", "mul": "x * y", "relu": "relu(x)"}[op]
    return compiled("for _ in range(1000): z = " + expression, x=x, y=y, relu=torch.relu)


@kind
def chain(backward):
    x, y = torch.zeros(1), torch.ones(1)
    if backward:
        leaves(x)

    def step():
        z = x
        for _ in range(1000):
            z = z + y
        if backward:
            x.grad = None
            z.backward()
    return step


def trainer(model, optimizer, x, labels):
    def step():
        optimizer.zero_grad()
        F.cross_entropy(model(x), labels).backward()
        optimizer.step()
    return step


@kind
def tiny(optimizer):
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
    x, labels = torch.randn(8, 4), torch.randint(0, 2, (8,))
    if optimizer == "none":
        torch.set_grad_enabled(False)
        return lambda: model(x)
    of = {"sgd": lambda p: torch.optim.SGD(p, lr=1e-2), "adam": lambda p: torch.optim.Adam(p, lr=1e-3)}[optimizer]
    return trainer(model, of(model.parameters()), x, labels)


@kind
def lstm():
    hidden, steps, batch = 64, 50, 4
    wx, wh, bias = torch.randn(hidden, 4 * hidden) * 0.1, torch.randn(hidden, 4 * hidden) * 0.1, torch.zeros(4 * hidden)
    leaves(wx, wh, bias)
    xs, optimizer = torch.randn(steps, batch, hidden), torch.optim.SGD([wx, wh, bias], lr=1e-3)

    def step():
        optimizer.zero_grad()
        h, c = torch.zeros(batch, hidden), torch.zeros(batch, hidden)
        for t in range(steps):
            z = xs[t] @ wx + h @ wh + bias
            i, f, g, o = z.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        (h * h).mean().backward()
        optimizer.step()
    return step


# ------------------------------------------------------------------ elementwise
@kind
def pointwise(op, n):
    x, y = torch.randn(n), torch.randn(n)
    return {"add": lambda: x + y, "mul": lambda: x * y, "relu": lambda: torch.relu(x), "exp": lambda: torch.exp(x),
            "tanh": lambda: torch.tanh(x), "gelu": lambda: F.gelu(x)}[op]


@kind
def broadcast(along):
    x, y = torch.randn(1024, 1024), torch.randn(1024) if along == "row" else torch.randn(1024, 1)
    return lambda: x + y


@kind
def elementwise_chain(n, backward):
    x, y = torch.rand(n), torch.rand(n)
    if backward:
        leaves(x)

    def step():
        z = x
        for _ in range(25):
            z = torch.tanh(z + y)
        if backward:
            x.grad = None
            z.sum().backward()
    return step


# ------------------------------------------------------------------ reductions and rows
@kind
def matrix(op):
    x = torch.randn(4096, 4096)
    return {"sum": lambda: x.sum(), "sum_last": lambda: x.sum(1), "sum_first": lambda: x.sum(0),
            "transpose": lambda: x.t().contiguous()}[op]


@kind
def vector(op):
    x = torch.randn(1000000)
    return {"cumsum": lambda: x.cumsum(0), "sort": lambda: x.sort(), "topk": lambda: x.topk(10)}[op]


def stepper(backward, parameters, forward):
    if not backward:
        torch.set_grad_enabled(False)
        return forward
    leaves(*parameters)
    g = torch.randn_like(forward().detach())

    def step():
        for p in parameters:
            p.grad = None
        forward().backward(g)
    return step


@kind
def rows(op, backward):
    x = torch.randn(4096, 1024)
    if op == "softmax":
        return stepper(backward, [x], lambda: F.softmax(x, 1))
    w, b = torch.ones(1024), torch.zeros(1024)
    return stepper(backward, [x, w, b], lambda: F.layer_norm(x, (1024,), w, b))


@kind
def cross_entropy():
    scores, labels = torch.randn(4096, 1000), torch.randint(0, 1000, (4096,))
    leaves(scores)

    def step():
        scores.grad = None
        F.cross_entropy(scores, labels).backward()
    return step


@kind
def embedding():
    table, index = torch.randn(50000, 256), torch.randint(0, 50000, (8192,))
    return stepper(1, [table], lambda: F.embedding(index, table))


@kind
def images(op, backward):
    x = torch.randn(32, 64, 28, 28)
    if op == "max_pool":
        return stepper(backward, [x], lambda: F.max_pool2d(x, 2))
    w, b, mean, var = torch.ones(64), torch.zeros(64), torch.zeros(64), torch.ones(64)
    return stepper(backward, [x, w, b], lambda: F.batch_norm(x, mean, var, w, b, True))


# ------------------------------------------------------------------ products and convolutions
@kind
def matmul(n, layout):
    a, b = torch.randn(n, n), torch.randn(n, n)
    if layout == "transposed":
        b = b.t()
    return lambda: a @ b


@kind
def matmul_backward(n):
    a, b, g = torch.randn(n, n), torch.randn(n, n), torch.randn(n, n)
    leaves(a, b)

    def step():
        a.grad = b.grad = None
        (a @ b).backward(g)
    return step


@kind
def bmm():
    a, b = torch.randn(32, 128, 64), torch.randn(32, 64, 128)
    return lambda: torch.bmm(a, b)


@kind
def linear():
    x, w, b = torch.randn(128, 784), torch.randn(512, 784), torch.randn(512)
    return lambda: F.linear(x, w, b)


@kind
def fft(n):
    x = torch.fft.fft(torch.randn(n))
    return lambda: torch.fft.fft(x)


@kind
def rfft(n):
    x = torch.randn(n)
    return lambda: torch.fft.rfft(x)


@kind
def fft2(n, batch):
    x = torch.fft.fft2(torch.randn(batch, n, n))
    return lambda: torch.fft.fft2(x)


@kind
def rfft2(n, batch):
    x = torch.randn(batch, n, n)
    return lambda: torch.fft.rfft2(x)


@kind
def stft(n, points):
    x, window = torch.randn(n), torch.hann_window(points)
    return lambda: torch.stft(x, points, points // 4, window=window, return_complex=True)


@kind
def conv2d(x, w, padding, groups, backward):
    x, w, b = torch.randn(x), torch.randn(w), torch.zeros(w[0])
    if not backward:
        return lambda: F.conv2d(x, w, b, padding=padding, groups=groups)
    return stepper(1, [x, w, b], lambda: F.conv2d(x, w, b, padding=padding, groups=groups))


# ------------------------------------------------------------------ networks
@kind
def mlp():
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    return trainer(model, torch.optim.Adam(model.parameters(), lr=1e-3), torch.randn(128, 784), torch.randint(0, 10, (128,)))


@kind
def deep_mlp(segments):
    from torch.utils.checkpoint import checkpoint_sequential
    model = nn.Sequential(*(layer for _ in range(32) for layer in (nn.Linear(256, 256), nn.Tanh())))
    optimizer, x = torch.optim.SGD(model.parameters(), lr=1e-3), torch.randn(4096, 256, requires_grad=True)

    def step():
        optimizer.zero_grad()
        y = checkpoint_sequential(model, segments, x, use_reentrant=False) if segments else model(x)
        y.square().mean().backward()
        optimizer.step()
    return step


@kind
def cnn():
    model = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10))
    return trainer(model, torch.optim.Adam(model.parameters(), lr=1e-3), torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,)))


class Block(nn.Module):
    def __init__(self, start, end, stride):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(start, end, 3, stride, 1, bias=False), nn.BatchNorm2d(end)
        self.c2, self.b2 = nn.Conv2d(end, end, 3, 1, 1, bias=False), nn.BatchNorm2d(end)
        changes = stride != 1 or start != end
        self.shortcut = nn.Sequential(nn.Conv2d(start, end, 1, stride, bias=False), nn.BatchNorm2d(end)) if changes else nn.Identity()

    def forward(self, x):
        return torch.relu(self.b2(self.c2(torch.relu(self.b1(self.c1(x))))) + self.shortcut(x))


@kind
def resnet(training):
    layers, start = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for end, stride in ((16, 1), (32, 2), (64, 2)):
        for i in range(3):
            layers.append(Block(start, end, stride if i == 0 else 1))
            start = end
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    x = torch.randn(32, 3, 32, 32)
    if not training:
        model.eval()
        torch.set_grad_enabled(False)
        return lambda: model(x)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    return trainer(model, optimizer, x, torch.randint(0, 10, (32,)))


@kind
def vae():
    encode, mean, log_variance = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
    decode = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))
    optimizer = torch.optim.Adam(nn.ModuleList([encode, mean, log_variance, decode]).parameters(), lr=1e-3)
    x = torch.rand(128, 784)

    def step():
        optimizer.zero_grad()
        h = F.relu(encode(x))
        mu, logvar = mean(h), log_variance(h)
        z = mu + torch.randn_like(mu) * (logvar * 0.5).exp()
        fit = F.binary_cross_entropy_with_logits(decode(z), x, reduction="sum")
        divergence = (logvar - mu.square() - logvar.exp() + 1).sum() * -0.5
        (fit + divergence).backward()
        optimizer.step()
    return step


# ------------------------------------------------------------------ sequences
WIDTH, HEADS, CONTEXT, VOCABULARY, DEPTH = 256, 8, 128, 512, 4


@kind
def layers_lstm():
    lstm, head = nn.LSTM(128, 256, 2), nn.Linear(256, 10)
    optimizer = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=1e-3)
    x, labels = torch.randn(64, 32, 128), torch.randint(0, 10, (32,))

    def step():
        optimizer.zero_grad()
        outputs, _ = lstm(x)
        F.cross_entropy(head(outputs[-1]), labels).backward()
        optimizer.step()
    return step


class GPTBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x, cache=None):
        b, t = x.size(0), x.size(1)
        q, k, v = (y.view(b, t, HEADS, WIDTH // HEADS).transpose(1, 2) for y in self.qkv(self.norm1(x)).chunk(3, 2))
        if cache is not None:
            if cache:
                k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
            cache[:] = [k, v]
        y = F.scaled_dot_product_attention(q, k, v, is_causal=cache is None)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, WIDTH))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList([GPTBlock() for _ in range(DEPTH)])
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, tokens, first, caches=None):
        x = self.tokens(tokens) + self.positions(torch.arange(first, first + tokens.size(1)))
        for i, block in enumerate(self.blocks):
            x = block(x, caches[i] if caches else None)
        return self.head(self.norm(x))


@kind
def gpt():
    model = GPT()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    tokens, labels = torch.randint(0, VOCABULARY, (8, CONTEXT)), torch.randint(0, VOCABULARY, (8 * CONTEXT,))

    def step():
        optimizer.zero_grad()
        F.cross_entropy(model(tokens, 0).view(-1, VOCABULARY), labels).backward()
        optimizer.step()
    return step


@kind
def gpt_writes():
    model = GPT().eval()
    torch.set_grad_enabled(False)

    def step():
        token, caches = torch.ones(1, 1, dtype=torch.int64), [[] for _ in range(DEPTH)]
        for at in range(64):
            token = model(token, at, caches)[:, -1].argmax(-1, keepdim=True)
        return token
    return step


# ------------------------------------------------------------------ orders
def timed(step, n):
    start = time.perf_counter()
    for _ in range(n):
        step()
    return time.perf_counter() - start


def status(field):
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    return 0


def restart_peak():
    try:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    except OSError:
        pass


class Orders:
    def open(self, name, compiled=0, **parameters):  # compiled=1 is for the other side, 2 for both
        self.before = status("VmRSS")
        restart_peak()
        self.step = KINDS[name](**parameters)
        if compiled == 2:
            timed(self.step, 2)  # optimizers make their states, which would be compiled anew later
            self.step = torch.compile(self.step)
            timed(self.step, 3)
        timed(self.step, 1)
        one, end = timed(self.step, 1), time.perf_counter() + WARM
        while time.perf_counter() < end:
            n = max(1, int(1e-3 / one))
            one = timed(self.step, n) / n
        self.inner = max(1, int(SAMPLE / one))
        return self.inner, one

    def time(self):
        timed(self.step, self.inner // 4 + 1)
        return timed(self.step, self.inner) / self.inner, time.process_time()

    def peak(self):
        return status("VmHWM"), self.before

    def close(self):
        self.step = None
        torch.set_grad_enabled(True)
        gc.collect()
        return (0,)


def parameter(text):
    key, value = text.split("=", 1)
    if value.isdigit():
        return key, int(value)
    if value.replace("x", "").isdigit():
        return key, [int(n) for n in value.split("x")]
    return key, value


def main():
    torch.set_num_threads(int(sys.argv[1]))
    torch.manual_seed(1)
    orders, out = Orders(), os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        words = line.split()
        if words[0] == "quit":
            break
        try:
            answer = getattr(orders, words[0])(*words[1:2], **dict(parameter(w) for w in words[2:]))
            out.write("= " + " ".join("%.9g" % n for n in answer) + "\n")
        except Exception as e:
            out.write("! %s\n" % str(e).replace("\n", " "))
        out.flush()


main()
