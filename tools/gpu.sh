#!/bin/bash
# gpu.sh: everything there is to check on a machine with a GPU, in one call: build, specs, specs on CUDA, sanitizers, determinism, flat memory,
# or (with `bench`) the measurements beside PyTorch. Each part ends by its own limit; what it says goes to $OUT, the verdicts come last.
#   OUT=out bash tools/gpu.sh check       OUT=out bash tools/gpu.sh bench       or one part by its name: OUT=out bash tools/gpu.sh conformance
# The summary is $OUT/result.txt; a check or bench also leaves it in docs/gpu/.
# A bundle in .gpu/ (LuaJIT, OpenBLAS, busted) is used where there is one.
set -u
WHAT=${1:-check} OUT=${OUT:-out}
cd "$(dirname "$0")/.." || exit 1
mkdir -p "$OUT"
export OUT
SELF=$PWD/tools/gpu.sh
[ -f .gpu/env.sh ] && . .gpu/env.sh
export LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;./?.lua;${LUA_PATH:-;}"
SANITIZER=$(command -v compute-sanitizer || ls "${CUDA_HOME:-/usr/local/cuda}"/bin/compute-sanitizer "${CUDA_HOME:-/usr/local/cuda}"/compute-sanitizer/compute-sanitizer 2>/dev/null | head -1)
LUAJIT=${TOCHA_RT:+$TOCHA_RT/bin/}luajit
BUSTED=$(ls "${TOCHA_RT:-/nowhere}/libexec/busted" 2>/dev/null || command -v busted)
VERDICTS=$OUT/verdicts.txt

just() { "$@"; } # a part in a process of its own, that a time limit can end

part() { # part NAME SECONDS COMMAND...: its output in $OUT/NAME.txt, one line in the verdicts
  local name=$1 limit=$2 began=$SECONDS status=0
  shift 2
  timeout -k 5 "$limit" bash "$SELF" just "$@" >"$OUT/$name.txt" 2>&1 || status=$?
  echo "$name: status $status in $((SECONDS - began)) s" | tee -a "$VERDICTS"
  return $status
}

machine() {
  date -u +%Y-%m-%d
  nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv,noheader
  nvcc --version | tail -2
  nproc
  git rev-parse --short HEAD 2>/dev/null
}

arch() { # compute capability of the first device, as nvcc names it
  nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -1 | tr -d .
}

build() { make -j"$(nproc)" all && make -j"$(nproc)" cuda CUDA_ARCHES="$(arch)"; }

available() { $LUAJIT -e "local c = require('tocha').cuda print(c.is_available() and c.get_device_name() or c.reason()) os.exit(c.is_available() and 0 or 1)"; }

# the same program twice: its numbers must agree to the last bit
determinism() {
  local text=$OUT/words.txt i
  for i in $(seq 200); do echo "line $i of a text that says little, over and over"; done >"$text"
  for i in 1 2; do
    $LUAJIT examples/gpt2.lua --text "$text" --config tiny --steps 30 --device cuda --dtype bfloat16 --sample 40 --save "$OUT/run$i.safetensors" \
      | sed 's/[0-9]* tokens.s//' >"$OUT/run$i.txt" || return 1
  done
  cmp "$OUT/run1.txt" "$OUT/run2.txt" && cmp "$OUT/run1.safetensors" "$OUT/run2.safetensors" && rm -f "$OUT"/run?.safetensors
}

# memory in use after 600 steps is that after 150, when the first collections have been
flat() {
  $LUAJIT -e "
    local tocha = require 'tocha'
    local nn = tocha.nn
    local net = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10)):to('cuda')
    local optimizer, seen = tocha.optim.AdamW(net:parameters()), nil
    for step = 1, 600 do
      optimizer:zero_grad()
      nn.functional.cross_entropy(net(tocha.randn(512, 64, {device = 'cuda'})), tocha.randint(1, 11, {512}):to('cuda')):backward()
      optimizer:step()
      if step == 150 then seen = tocha.cuda.max_memory_reserved() end
    end
    print(seen, tocha.cuda.max_memory_reserved())
    os.exit(tocha.cuda.max_memory_reserved() <= 1.25 * seen and 0 or 1)"
}

# The public conformance cases with their tensors on the GPU (the default device). Errors of values show at the next wait, so that group waits after
# each launch. Two cases ask for the CPU by name.
conformance() {
  local cases
  cases=$(ls -d shared/conformance ../shared/conformance 2>/dev/null | head -1)
  [ -n "$cases" ] || { echo 'the conformance cases are not here'; return 3; }
  export LUA_INIT="require('tocha').set_default_device('cuda')"
  $LUAJIT "$cases/run.lua" --isolate --timeout 60 --verbose --json "$OUT/conformance.json" $(ls "$cases"/public/*.json | grep -v '/errors.json')
  TOCHA_CUDA_SYNC=1 $LUAJIT "$cases/run.lua" --isolate --timeout 60 --verbose "$cases/public/errors.json"
}
conformance_judged() {
  conformance | tee "$OUT/cases.txt"
  grep ' passed, ' "$OUT/cases.txt" >>"$OUT/summary.txt"
  [ "$(grep -c ' passed, ' "$OUT/cases.txt")" = 2 ] && ! grep '^FAIL ' "$OUT/cases.txt" | grep -v -e '^FAIL tensor/device:' -e '^FAIL tensor/tostring_size:'
}

# the examples of all operators and classes, made on the GPU
examples() {
  LUA_INIT="if jit then require('tocha').set_default_device('cuda') end" TOCHA_CUDA_SYNC=1 \
    $LUAJIT "$BUSTED" -f tools/busted_gpu.lua -o TAP spec/operator_examples_spec.lua spec/class_docs_spec.lua
}

sanitize() { # sanitize TOOL PATTERN: the cases whose names match, each tensor in memory of its own
  TOCHA_CUDA_ALLOC=plain TOCHA_CASES=$2 "$SANITIZER" --tool "$1" --error-exitcode 9 "$LUAJIT" "$BUSTED" -f tools/busted_gpu.lua -o TAP spec/cuda/cases_spec.lua
}

check() {
  part build 150 build || { tail -30 "$OUT/build.txt"; return 1; }
  part available 20 available || { cat "$OUT/available.txt"; return 1; }
  part spec_cuda 130 "$LUAJIT" "$BUSTED" -f tools/busted_gpu.lua -o TAP spec/cuda
  part conformance 70 conformance_judged
  part examples 40 examples
  part determinism 40 determinism
  part flat 40 flat
  if [ -n "$SANITIZER" ]; then
    part memcheck 60 sanitize memcheck '^add$|^sum$|^softmax$|^gather$|^scatter$|^layer_norm$|^embedding$|^sort$|^conv2d$|^matmul$'
    part racecheck 40 sanitize racecheck '^sum$|^softmax$|^layer_norm$|^cumsum$'
  fi
  grep -h '^not ok' "$OUT"/spec_*.txt "$OUT"/examples.txt | head -40 | tee -a "$OUT/summary.txt"
}

bench() {
  part build 150 build || { tail -30 "$OUT/build.txt"; return 1; }
  part available 20 available || { cat "$OUT/available.txt"; return 1; }
  part tocha 240 "$LUAJIT" bench/gpu.lua --out "$OUT/tocha.jsonl"
  # PyTorch brings CUDA libraries of its own: it runs without the bundle's paths
  part pytorch 240 env -u LD_LIBRARY_PATH python3 bench/peer/gpu.py --out "$OUT/pytorch.jsonl"
  cat "$OUT/tocha.jsonl" "$OUT/pytorch.jsonl" >>"$OUT/summary.txt"
  tail -40 "$OUT/tocha.txt"
}

if [ "$WHAT" = just ]; then
  shift
  just "$@"
  exit $?
fi
: >"$VERDICTS"
: >"$OUT/summary.txt"
machine >"$OUT/machine.txt" 2>&1
"${@:-check}"
STATUS=$?
{ cat "$OUT/machine.txt"; echo; cat "$VERDICTS"; cat "$OUT/summary.txt"; } >"$OUT/result.txt"
case $WHAT in check | bench) mkdir -p docs/gpu && cp "$OUT/result.txt" "docs/gpu/$(date -u +%Y-%m-%d)-$WHAT.txt" ;; esac
cat "$VERDICTS"
exit $STATUS
