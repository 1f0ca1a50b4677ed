-- The rock of the current state. In a checkout: luarocks --lua-version 5.1 make rockspec/tocha-scm-1.rockspec
rockspec_format = '3.0'
package = 'tocha'
version = 'scm-1'
source = {url = 'git+file://.'}
description = {
  summary = 'Tensors, automatic differentiation and neural networks for LuaJIT',
  detailed = [[A deep-learning framework: a C runtime with a gradient for every operator, PyTorch's names and numerics,
Torch7's feeling. It needs LuaJIT 2.1, a C compiler, make, OpenBLAS and zlib.]],
  license = 'MIT',
  labels = {'machine-learning', 'deep-learning', 'tensor', 'luajit'},
}
supported_platforms = {'unix'}
dependencies = {'lua == 5.1'}
external_dependencies = {
  ZLIB = {header = 'zlib.h'},
}
build = {
  type = 'make',
  build_target = 'quickly',
  build_variables = {},
  install_variables = {LUADIR = '$(LUADIR)', LIBDIR = '$(LIBDIR)', BINDIR = '$(BINDIR)', PREFIX = '$(PREFIX)'},
}
