--- Whole processes from start to end: the interpreter alone, importing the library, a short script.

local tiny_lua = [[
local tocha = require 'tocha'
local nn, F, optim = tocha.nn, tocha.nn.functional, tocha.optim
local m = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
local o, x, t = optim.Adam(m:parameters(), {lr = 1e-3}), tocha.randn(8, 4), tocha.randint(1, 3, {8})
for _ = 1, 100 do
  o:zero_grad()
  F.cross_entropy(m(x), t):backward()
  o:step()
end
]]
local tiny_python = [[
import torch, torch.nn as nn, torch.nn.functional as F
m = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
o = torch.optim.Adam(m.parameters(), lr=1e-3); x = torch.randn(8, 4); t = torch.randint(0, 2, (8,))
for _ in range(100):
    o.zero_grad(); F.cross_entropy(m(x), t).backward(); o.step()
]]

return {processes = true, list = {
  {name = 'interpreter alone', lua = '', python = ''},
  {name = 'import', target = 0.02, lua = "require 'tocha'", python = 'import torch'},
  {name = '100 steps of the tiny MLP', target = 0.02, lua = tiny_lua, python = tiny_python},
}}
