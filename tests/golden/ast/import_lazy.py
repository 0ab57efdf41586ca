lazy import a.b as c, d
lazy from ..e import f
lazy = lazy
