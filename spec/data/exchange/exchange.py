"""The models of spec/nn/exchange_spec.lua in PyTorch: writes the fixtures, and computes with states that Tocha wrote.
    python exchange.py make FOLDER          writes resnet.safetensors, lstm.safetensors, transformer.safetensors
    and one file for each optimizer: its state after two steps, the parameter then and after a third one
    python exchange.py run FOLDER NAME...   for each model loads state and input from NAME.in and writes the output to NAME.out;
    for each optimizer loads its state and parameter, takes the third step, writes the parameter
"""
import json
import struct
import sys
import numpy
import torch
from torch import nn

KINDS = {'F32': numpy.float32, 'I64': numpy.int64}


def write(path, tensors, metadata=None):
    header, parts, at = {'__metadata__': metadata} if metadata else {}, [], 0
    for name, x in tensors.items():
        data = x.detach().contiguous().numpy().tobytes()
        kind = {torch.float32: 'F32', torch.int64: 'I64'}[x.dtype]
        header[name] = {'dtype': kind, 'shape': list(x.shape), 'data_offsets': [at, at + len(data)]}
        at += len(data)
        parts.append(data)
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + b''.join(parts))


def read(path):
    with open(path, 'rb') as file:
        n = struct.unpack('<Q', file.read(8))[0]
        header, data = json.loads(file.read(n)), file.read()
    out = {}
    for name, d in header.items():
        if name == '__metadata__':
            out[name] = d
            continue
        lo, hi = d['data_offsets']
        out[name] = torch.from_numpy(numpy.frombuffer(data[lo:hi], KINDS[d['dtype']]).reshape(d['shape']).copy())
    return out


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class ResNet(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.conv1 = nn.Conv2d(3, w, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(w)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Block(w, w, 1), Block(w, w, 1))
        self.layer2 = nn.Sequential(Block(w, 2 * w, 2), Block(2 * w, 2 * w, 1))
        self.layer3 = nn.Sequential(Block(2 * w, 4 * w, 2), Block(4 * w, 4 * w, 1))
        self.layer4 = nn.Sequential(Block(4 * w, 8 * w, 2), Block(8 * w, 8 * w, 1))
        self.fc = nn.Linear(8 * w, 10)

    def forward(self, x):
        x = self.maxpool(self.bn1(self.conv1(x)).relu())
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 6)
        self.lstm = nn.LSTM(6, 8, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(16, 5)

    def forward(self, tokens):
        return self.head(self.lstm(self.embedding(tokens))[0])


class Translator(nn.Module):
    def __init__(self):
        super().__init__()
        self.transformer = nn.Transformer(8, 2, 2, 1, 16, batch_first=True, norm_first=False)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        mask = nn.Transformer.generate_square_subsequent_mask(3)
        return self.head(self.transformer(x, x[:, :3], tgt_mask=mask))


MODELS = {'resnet': (lambda: ResNet(2), lambda: torch.randn(2, 3, 33, 33)),
          'lstm': (Tagger, lambda: torch.randint(1, 21, (2, 7))),          # Tocha's tokens count from 1
          'transformer': (Translator, lambda: torch.randn(2, 5, 8))}


def output(model, x):
    with torch.no_grad():
        return model(x - 1 if x.dtype == torch.int64 else x)


def make(folder):
    for name, (build, draw) in MODELS.items():
        torch.manual_seed(7)
        model = build()
        for key, b in model.named_buffers():                              # statistics that are not the first ones
            if key.endswith('running_mean'):
                b.normal_(0, 0.1)
            elif key.endswith('running_var'):
                b.uniform_(0.5, 1.5)
        model.eval()
        x = draw()
        tensors = {'state.' + key: v for key, v in model.state_dict().items()}
        write(folder + '/' + name + '.safetensors', {'input': x, 'output': output(model, x), **tensors})


# ---- optimizers: two steps with given gradients, the state, and the parameter after a third step
GRADS = [[[0.5, -1.0, 2.0], [0.25, 1.5, -0.75]], [[-0.5, -0.5, 1.0], [1.25, 0.5, 0.75]], [[1.5, 0.25, -1.0], [-0.25, 1.0, 0.5]]]
OPTIMIZERS = {
    'SGD': {'lr': 0.1, 'momentum': 0.9, 'nesterov': True, 'weight_decay': 0.01}, 'Adam': {'lr': 0.1, 'amsgrad': True},
    'AdamW': {'lr': 0.1}, 'RMSprop': {'lr': 0.1, 'momentum': 0.9, 'centered': True}, 'Adagrad': {'lr': 0.1, 'lr_decay': 0.1},
    'Adadelta': {'lr': 0.5}, 'Adamax': {'lr': 0.1}, 'NAdam': {'lr': 0.1}, 'RAdam': {'lr': 0.1}, 'ASGD': {'lr': 0.1},
    'Rprop': {'lr': 0.1}, 'Adafactor': {'lr': 0.1}, 'Muon': {'lr': 0.1},
}


def start(name):
    p = nn.Parameter(torch.tensor([[1.0, 2.0, 3.0], [-1.0, -2.0, 0.5]]))
    return p, getattr(torch.optim, name)([p], **OPTIMIZERS[name])


def step(p, optimizer, i):
    p.grad = torch.tensor(GRADS[i])
    optimizer.step()


def make_optimizers(folder):
    for name in OPTIMIZERS:
        p, optimizer = start(name)
        step(p, optimizer, 0)
        step(p, optimizer, 1)
        path, saved = folder + '/' + name.lower() + '.safetensors', p.detach().clone()
        state = {f'state.{i}.{k}': torch.as_tensor(x, dtype=torch.float32).clone()
                 for i, s in optimizer.state_dict()['state'].items() for k, x in s.items()}
        groups = json.dumps(optimizer.state_dict()['param_groups'])
        step(p, optimizer, 2)
        write(path, {**state, 'parameter': saved, 'after': p.detach()}, {'param_groups': groups})


def run_optimizer(name, source, target):
    given, state = read(source), {}
    for key, value in given.items():
        if key.startswith('state.'):
            _, number, part = key.split('.', 2)
            state.setdefault(int(number), {})[part] = value
    p, optimizer = start(name)
    optimizer.load_state_dict({'state': state, 'param_groups': json.loads(given['__metadata__']['param_groups'])})
    with torch.no_grad():
        p.copy_(given['parameter'])
    step(p, optimizer, 2)
    write(target, {'after': p.detach()})


def run(name, source, target):
    given = read(source)
    model = MODELS[name][0]()
    model.load_state_dict({key[6:]: v for key, v in given.items() if key.startswith('state.')})
    model.eval()
    write(target, {'output': output(model, given['input'])})


if sys.argv[1] == 'make':
    make(sys.argv[2])
    make_optimizers(sys.argv[2])
else:
    for name in sys.argv[3:]:
        (run if name in MODELS else run_optimizer)(name, f'{sys.argv[2]}/{name}.in', f'{sys.argv[2]}/{name}.out')
