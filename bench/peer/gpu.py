"""PyTorch's side of bench/gpu.lua: the same names and keys, one JSON object a line. python3 bench/peer/gpu.py --out pytorch.jsonl [--only PATTERN]"""
import argparse
import json
import re
import time

import torch
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument('--out', default='')
parser.add_argument('--only', default='')
options = parser.parse_args()
out = open(options.out, 'w') if options.out else None


def say(**row):
    line = json.dumps({'side': 'pytorch', **row})
    print(line, flush=True)
    if out:
        print(line, file=out, flush=True)


def timed(f, count):
    a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    a.record()
    for _ in range(count):
        f()
    b.record()
    b.synchronize()
    return a.elapsed_time(b) / count


def measure(row, f, nbytes=None, flop=None):
    for _ in range(3):
        f()
    count = 50 if timed(f, 1) < 1 else 1
    times = sorted(timed(f, count) for _ in range(7))
    row.update(ms=times[3], ms_p10=times[0], ms_p90=times[-1])
    if nbytes:
        row['gbs'] = nbytes / times[3] / 1e6
    if flop:
        row['tflops'] = flop / times[3] / 1e9
    say(**row)


def ceiling_copy():
    x = torch.empty(2 ** 30, device='cuda')
    y = torch.zeros_like(x)
    measure({'bench': 'ceiling_copy'}, lambda: y.copy_(x), 8 * x.numel())


def ceiling_matmul():
    a, b = (torch.randn(8192, 8192, device='cuda').bfloat16() for _ in range(2))
    measure({'bench': 'ceiling_matmul', 'dtype': 'bfloat16'}, lambda: a @ b, None, 2 * 8192 ** 3)


def matmul():
    sizes = [(8192, 8192, 8192), (4096, 4096, 1024), (1024, 1024, 1024), (65536, 768, 768), (65536, 3072, 768), (256, 256, 256)]
    for dtype in ('bfloat16', 'float16', 'tf32', 'float32'):
        torch.set_float32_matmul_precision('high' if dtype == 'tf32' else 'highest')
        kind = torch.float32 if dtype == 'tf32' else getattr(torch, dtype)
        for m, n, k in sizes:
            a, b = torch.randn(m, k, device='cuda').to(kind), torch.randn(k, n, device='cuda').to(kind)
            measure({'bench': 'matmul', 'dtype': dtype, 'size': f'{m}x{n}x{k}'}, lambda: a @ b, None, 2 * m * n * k)
    torch.set_float32_matmul_precision('highest')


OPS = [('mul_scalar', 2, lambda x, y, w: x * 2), ('relu', 2, lambda x, y, w: x.relu()),
       ('gelu_tanh', 2, lambda x, y, w: F.gelu(x, approximate='tanh')), ('exp', 2, lambda x, y, w: x.exp()),
       ('add', 3, lambda x, y, w: x + y), ('add_', 3, lambda x, y, w: x.add_(y)), ('sum_all', 1, lambda x, y, w: x.sum()),
       ('sum_rows', 1, lambda x, y, w: x.sum(1)), ('sum_cols', 1, lambda x, y, w: x.sum(0)),
       ('cumsum_rows', 2, lambda x, y, w: x.cumsum(1)), ('softmax_rows', 2, lambda x, y, w: x.softmax(1)),
       ('transpose_copy', 2, lambda x, y, w: x.t().contiguous()), ('layer_norm', 2, lambda x, y, w: F.layer_norm(x, (1024,), w, w)),
       ('argmax_rows', 1, lambda x, y, w: x.argmax(1))]


def bandwidth():
    for dtype in ('float32', 'bfloat16'):
        for size, rows in (('64M', 65536), ('1M', 1024)):
            kind = getattr(torch, dtype)
            x, y = (torch.randn(rows, 1024, device='cuda').to(kind) for _ in range(2))
            w = torch.ones(1024, device='cuda').to(kind)
            for name, factor, f in OPS:
                measure({'bench': 'bandwidth', 'op': name, 'dtype': dtype, 'size': size}, lambda: f(x, y, w), factor * x.numel() * x.element_size())


def host(op, f):
    times = []
    for _ in range(6):
        torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(1000):
            f()
        times.append((time.perf_counter() - began) / 1000 * 1e6)
    say(bench='overhead', op=op, host_us=sorted(times[1:])[2])


def overhead():
    x, y = torch.ones(1, device='cuda'), torch.ones(1, device='cuda')
    g, w = torch.ones(1, device='cuda', requires_grad=True), torch.ones(32, 32, device='cuda')
    v, b = torch.ones(1, 32, device='cuda'), torch.ones(32, device='cuda')
    host('add', lambda: x + y)
    host('add_', lambda: x.add_(y))
    host('add_scalar', lambda: x + 1)
    host('relu', lambda: x.relu())
    host('sum', lambda: x.sum())
    host('add_autograd', lambda: g + y)
    host('empty', lambda: torch.empty(1, device='cuda'))
    host('view', lambda: w.view(1024))
    host('narrow', lambda: w.narrow(0, 1, 3))
    host('linear32', lambda: F.linear(v, w, b))
    host('matmul32', lambda: v.mm(w))
    host('item', lambda: x.item())


class Block(torch.nn.Module):
    def __init__(self, d=768, heads=12):
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = torch.nn.LayerNorm(d), torch.nn.LayerNorm(d)
        self.qkv, self.out = torch.nn.Linear(d, 3 * d), torch.nn.Linear(d, d)
        self.wide, self.narrow = torch.nn.Linear(d, 4 * d), torch.nn.Linear(4 * d, d)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm_1(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, d))
        return x + self.narrow(F.gelu(self.wide(self.norm_2(x)), approximate='tanh'))


class GPT(torch.nn.Module):
    def __init__(self, layers=12, d=768, context=1024, vocabulary=50304):
        super().__init__()
        self.tokens, self.places = torch.nn.Embedding(vocabulary, d), torch.nn.Embedding(context, d)
        self.blocks, self.norm = torch.nn.ModuleList(Block(d) for _ in range(layers)), torch.nn.LayerNorm(d)
        for p in self.parameters():
            if p.dim() >= 2:
                torch.nn.init.normal_(p, 0, 0.02)

    def forward(self, ids):
        x = self.tokens(ids) + self.places.weight[:ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.tokens.weight)


def rnn():
    for name in ('LSTM', 'GRU'):
        for dtype in ('float32', 'bfloat16'):
            kind = getattr(torch, dtype)
            layer = getattr(torch.nn, name)(512, 512, 2).cuda().to(kind)
            x = torch.randn(128, 64, 512, device='cuda').to(kind)

            def step():
                layer.zero_grad()
                layer(x)[0].sum().backward()
            measure({'bench': 'rnn', 'op': name, 'dtype': dtype, 'variant': 'cudnn'}, step)


def gpt2_124m_train():
    for variant in ('eager', 'compile'):
        torch.manual_seed(1)
        net = GPT().cuda()
        groups = [{'params': [p for p in net.parameters() if p.dim() >= 2], 'weight_decay': 0.1},
                  {'params': [p for p in net.parameters() if p.dim() < 2], 'weight_decay': 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=6e-4, betas=(0.9, 0.95), eps=1e-8, fused=True)
        model = torch.compile(net) if variant == 'compile' else net
        batch, context, times = 32, 1024, []
        for step in range(25):
            ids = torch.randint(0, 256, (batch, context + 1), device='cuda')
            torch.cuda.synchronize()
            began = time.perf_counter()
            with torch.autocast('cuda', torch.bfloat16):
                scores = model(ids[:, :-1])
                loss = F.cross_entropy(scores.view(-1, scores.shape[-1]), ids[:, 1:].reshape(-1))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            torch.cuda.synchronize()
            times.append(time.perf_counter() - began)
        say(bench='gpt2_124m_train', variant=variant, tokens_s=batch * context / sorted(times[5:])[len(times[5:]) // 2])


for f in (ceiling_copy, ceiling_matmul, matmul, bandwidth, overhead, rnn, gpt2_124m_train):
    if re.search(options.only, f.__name__):
        f()
        torch.cuda.empty_cache()
