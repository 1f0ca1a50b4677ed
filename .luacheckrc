-- What luacheck holds the Lua files to: no globals of our own anywhere.
std = 'luajit'
max_line_length = 160
exclude_files = {'build', 'build-san', 'lua_modules'}
files['spec'] = {std = 'luajit+busted', max_line_length = 200}
files['rockspec'] = {std = 'rockspec'}
-- the prompt's whole point is to define globals
files['lua/tocha/repl'] = {std = 'luajit'}
