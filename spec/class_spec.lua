-- tocha.class: making, deriving, metamethods.
local class = require 'tocha.class'

describe('tocha.class', function()
  local Shape = class('Shape')
  function Shape:__init(name) self.name = name end
  function Shape:area() return 0 end -- luacheck: ignore self
  function Shape:__tostring() return self.name end
  function Shape:__call(factor) return factor * self:area() end

  local Square = class('Square', Shape)
  function Square:__init(side)
    Shape.__init(self, 'square')
    self.side = side
  end
  function Square:area() return self.side * self.side end

  it('makes instances by calling the class, whose __init gets the arguments', function()
    assert.are.equal('blob', Shape('blob').name)
    assert.are.equal(9, Square(3):area())
  end)

  it('hands metamethods down to derived classes', function()
    assert.are.equal('square', tostring(Square(2)))
    assert.are.equal(8, Square(2)(2))
  end)

  it('lets a derived class replace a metamethod, for itself and its children only', function()
    local Loud = class('Loud', Square)
    local Louder = class('Louder', Loud)
    function Loud:__tostring() return 'LOUD ' .. self.side end
    assert.are.equal('LOUD 2', tostring(Louder(2)))
    assert.are.equal('square', tostring(Square(2)))
  end)

  it('makes the bare instance with __new of the parent, whether or not __init calls the parent', function()
    local Base = class('Base')
    function Base.__new() return {log = {}} end
    local Child = class('Child', Base)
    function Child:__init() self.log[1] = 'made' end
    assert.are.same({'made'}, Child().log)
    assert.are_not.equal(Child().log, Child().log)
  end)

  it('tells a parent of its children', function()
    local seen
    local Base = class('Base')
    function Base.__inherited(parent, child) seen = {parent, child} end
    local Child = class('Child', Base)
    assert.are.equal(Base, seen[1])
    assert.are.equal(Child, seen[2])
  end)

  it('knows what is an instance of what', function()
    assert.is_true(class.isinstance(Square(1), Shape))
    assert.is_false(class.isinstance(Shape('x'), Square))
    assert.is_false(class.isinstance({}, Shape))
    assert.is_true(class.issubclass(Square, Shape))
    assert.is_true(class.is_class(Square))
    assert.is_false(class.is_class(Square(1)))
    assert.are.equal('class Square', tostring(Square))
  end)

  it('refuses a name that is no string and a parent that is no class', function()
    assert.has_error(function() class(3) end, 'class: name: got a number, takes a string')
    assert.has_error(function() class('A', {}) end, 'class: parent of A: got a table, takes a class made by tocha.class')
  end)
end)
