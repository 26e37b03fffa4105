"""Random losses and rules of the language, as texts; made from bytes, so that hypothesis can make them smaller.

Each is written twice: for the kernel, and as the truth, which differs in nothing but powers (`power(x, 3)`, products)
and in its `math` (our own exp, log, sin, cos, tanh).
"""

from dataclasses import dataclass, field

# the lifter's own names, and others that a text may use as it likes
NAMES = (
    "v", "n", "n2", "y", "dx", "val", "norm", "k", "i", "w", "t", "flag", "best", "lr", "amp", "z_now", "LANES", "DIM",
    "new0", "first0", "s0", "x_0", "g_1", "p_cap", "odd", "last", "seed", "elementary_exp", "begin", "advance", "d",
    "l0_v", "held_0", "l0t0", "t0", "user_h0", "a0", "h0_a", "r1_v", "gn", "moved", "next", "value", "door",
)  # fmt: skip
HEAD = """
import math
import numpy as np

C = 1.5
N = 3
BIG = 4000000000
P = np.float64(0.3)
Q = np.int64(-2)
PAIR = (0.25, 2)


class Box:
    c = -0.75
"""
LITERALS = ("0.5", "2.0", "-1.25", "1e-3", "0.0", "3", "1", "2", "C", "N", "P", "Box.c", "PAIR[0]", "PAIR[-1]",
            "float('inf')", "7.3", "BIG", "True")  # fmt: skip
WHOLE = ("0", "1", "2", "3", "N", "Q", "7", "-1", "BIG")


@dataclass
class Scope:
    floats: list[str]
    truths: list[str] = field(default_factory=list)
    whole: list[str] = field(default_factory=list)
    indices: list[str] = field(default_factory=list)  # loop variables: from 0, below len(x)
    vectors: tuple[str, ...] = ()  # that may be read at any place

    def inner(self) -> "Scope":
        return Scope(list(self.floats), list(self.truths), list(self.whole), list(self.indices), self.vectors)

    def forget(self, name: str) -> None:
        for names in (self.floats, self.truths, self.whole, self.indices):
            while name in names:
                names.remove(name)


class Maker:
    """Texts from bytes: each choice takes one, and none is left where they are used up."""

    def __init__(self, data: bytes, depth: int):
        self.data, self.at, self.dim, self.depth = data, 0, 1, depth
        self.calls: list[str] = []  # helpers to call: name and number of arguments

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1] if self.at <= len(self.data) else 0

    def pick(self, options):
        return options[self.byte() % len(options)]

    # expressions

    def index(self, s: Scope) -> str:
        if not s.indices or self.byte() % 4 == 0:
            return str(self.byte() % (2 * self.dim) - self.dim)
        name = self.pick(s.indices)
        return self.pick((name, name, f"{name} - 1", f"-1 - {name}", f"(2 * {name} + 1) % {self.dim}", f"{name} // 2"))

    def leaf(self, s: Scope) -> str:
        kind = self.byte() % 8
        if kind == 0:
            return self.pick(LITERALS)
        if kind <= 2 and s.vectors:
            return f"x[{self.index(s)}]"
        if kind == 3 and s.whole:
            return self.pick(s.whole)
        if kind == 4 and s.indices:
            return self.pick(s.indices)
        if kind == 5 and s.truths:
            return self.pick(s.truths)
        return self.pick(s.floats)

    def expression(self, s: Scope, depth: int | None = None) -> str:
        depth = self.depth if depth is None else depth
        if depth <= 0:
            return self.leaf(s)
        e = lambda: self.expression(s, depth - 1)  # noqa: E731 (short)
        kind = self.byte() % 22
        if kind <= 2:
            return self.leaf(s)
        if kind <= 7:
            return f"({e()} {self.pick(('+', '-', '*', '*', '-'))} {e()})"
        match kind:
            case 8:
                return f"({e()} / {e()})" if self.byte() % 3 == 0 else f"({e()} / (abs({e()}) + 0.5))"
            case 9:
                return f"-{self.leaf(s)}" if self.byte() % 2 else f"(-({e()}))"
            case 10 | 11:
                return f"power({e()}, {self.pick((2, 3, 2, -1, 5, 1, -2))})"
            case 12 | 13:
                which = self.pick(("min", "max"))
                return f"{which}({e()}, {e()})" if self.byte() % 2 else f"{which}({e()}, {e()}, {e()})"
            case 14:
                return f"abs({e()})"
            case 15:
                return f"math.sqrt({self.pick(('', 'abs'))}({e()}))"
            case 16:
                return f"math.{self.pick(('exp', 'log', 'sin', 'cos', 'tanh'))}({e()})"
            case 17 | 18:
                return f"({e()} if {self.condition(s, depth - 1)} else {e()})"
            case 19:
                if self.calls:
                    name, count = self.pick(self.calls)
                    return f"{name}({', '.join(e() for _ in range(count))})"
                return f"float({e()})"
            case 20:
                return f"({e()} {self.pick(('%', '//'))} {self.pick(('0.75', '-2.0', '3.0'))})"
        return f"(({self.condition(s, depth - 1)}) - ({self.condition(s, depth - 1)}))"

    def condition(self, s: Scope, depth: int = 2) -> str:
        kind = self.byte() % 9
        e = lambda: self.expression(s, depth - 1)  # noqa: E731
        order = lambda: self.pick(("<", "<=", ">", ">=", "==", "!="))  # noqa: E731
        if kind <= 2 or depth <= 0:
            return f"{e()} {order()} {e()}"
        match kind:
            case 3:
                return f"{e()} {order()} {e()} {order()} {e()}"
            case 4:
                return f"({self.condition(s, depth - 1)}) {self.pick(('and', 'or'))} ({self.condition(s, depth - 1)})"
            case 5:
                return f"not ({self.condition(s, depth - 1)})"
            case 6:
                return self.pick(s.truths) if s.truths else e()
            case 7:
                return f"{self.pick(s.indices)} {order()} {self.byte() % 4}" if s.indices else f"{e()} < {e()}"
        return f"({e()} {self.pick(('and', 'or'))} {e()})"

    def whole(self, s: Scope, depth: int = 2) -> str:
        if depth <= 0 or self.byte() % 3 == 0:
            names = [*s.whole, *s.indices]
            return self.pick(names) if names and self.byte() % 2 else self.pick(WHOLE)
        e = lambda: self.whole(s, depth - 1)  # noqa: E731
        kind = self.byte() % 7
        if kind <= 3:
            return f"({e()} {self.pick('+-*')} {e()})"
        if kind == 4:
            return f"({e()} {self.pick(('//', '%'))} {self.pick(('2', '3', '-2'))})"
        if kind == 5:
            return f"abs({e()})"
        return f"({e()} if {self.condition(s, 1)} else {e()})"

    # statements

    def statements(self, s: Scope, count: int, depth: int = 2) -> list[str]:
        lines: list[str] = []
        for _ in range(count):
            lines += self.statement(s, depth)
        return lines

    def statement(self, s: Scope, depth: int) -> list[str]:
        kind = self.byte() % 12
        name = self.pick(NAMES)
        if kind <= 3:
            text = self.expression(s)
            s.forget(name)
            s.floats.append(name)
            return [f"{name} = {text}"]
        if kind == 4:
            other = self.pick(NAMES[:20])
            if other == name:
                other = "q"
            values = self.expression(s), self.expression(s)
            for each in (name, other):
                s.forget(each)
                s.floats.append(each)
            return [f"{name}, {other} = {values[0]}, {values[1]}"]
        if kind == 5:
            own = [f for f in s.floats if f.isidentifier()]
            name = self.pick(own) if own else name
            if name in s.floats:
                return [f"{name} {self.pick(('+=', '-=', '*='))} {self.expression(s)}"]
        if kind == 6:
            text = self.condition(s)
            s.forget(name)
            s.floats.append(name)  # `and` gives one of its operands
            if " and " not in text and " or " not in text and text not in s.floats:
                s.truths.append(name)
            return [f"{name} = {text}"]
        if kind == 7:
            text = self.whole(s)
            s.forget(name)
            s.whole.append(name)
            s.floats.append(name)
            return [f"{name} = {text}"]
        if depth <= 0:
            return []
        return self.loop(s, name, depth)

    def loop(self, s: Scope, name: str, depth: int) -> list[str]:
        bounds = self.pick(("len(x)", "len(x)", "2", "1, 3", "3, 0, -1", "0, len(x), 2", "0", "N"))
        if not s.vectors:
            bounds = bounds.replace("len(x)", "2")
        inner = s.inner()
        inner.forget(name)
        inner.whole.append(name)
        if bounds.startswith("len(x)"):
            inner.indices.append(name)
        # a name may be carried from round to round: one that is known before, of floats
        body = self.statements(inner, 1 + self.byte() % 2, depth - 1) or ["pass"]
        s.forget(name)
        for known in (s.truths, s.whole, s.indices):  # what a loop leaves may be of another kind
            for each in [*known]:
                if each not in inner.truths + inner.whole + inner.indices or any(
                    line.strip().startswith((f"{each} ", f"{each},")) or f", {each} =" in line for line in body
                ):
                    known.remove(each)
        for each in [*s.floats]:
            if each not in inner.floats:
                s.floats.remove(each)
        return [f"for {name} in range({bounds}):", *("    " + line for line in body)]


def indented(lines: list[str]) -> str:
    return "".join(f"    {line}\n" for line in lines)


@dataclass(frozen=True)
class Made:
    """A program: its text with `power(a, n)` for powers, its dimension and the length of the rule's memory."""

    text: str
    dim: int
    state: int

    @property
    def for_kernel(self) -> str:
        """With powers as Python writes them."""
        import re

        text = self.text
        while (found := re.search(r"power\(", text)) is not None:
            begin, depth, comma = found.end(), 1, 0
            at = begin
            while depth:
                depth += {"(": 1, ")": -1}.get(text[at], 0)
                comma = at if text[at] == "," and depth == 1 else comma
                at += 1
            base, exponent = text[begin:comma], text[comma + 1 : at - 1].strip()
            text = f"{text[: found.start()]}(({base}) ** {exponent}){text[at:]}"
        return text


def made(data: bytes, depth: int = 3) -> Made:
    """The program of these bytes; `depth`: levels of an expression."""
    maker = Maker(data, depth)
    maker.dim = dim = maker.pick((2, 1, 3, 5, 6))
    lines = [HEAD]
    for k in range(maker.byte() % 3):
        names = ("a", "v")[: 1 + maker.byte() % 2]
        s = Scope(list(names))
        body = maker.statements(s, maker.byte() % 3, 1)
        lines.append(f"def h{k}({', '.join(names)}):\n{indented([*body, f'return {maker.expression(s)}'])}")
        maker.calls.append((f"h{k}", len(names)))
    s = Scope(["lp", "cap"], vectors=("x",))
    body = maker.statements(s, maker.byte() % 4)
    s.forget("d")
    at = s.inner()
    at.indices.append("d")
    body += ["for d in range(len(x)):", f"    g[d] = {maker.expression(at)}"]
    if maker.byte() % 2:
        body += [f"    g[d] {maker.pick(('+=', '*='))} {maker.expression(at)}"]
    s.forget("d")
    if "x" not in s.floats and maker.byte() % 2:
        s.floats.append("g[0]")
        s.floats.append("g[-1]")
    lines.append(f"def value_grad(x, g, lp=0.7, cap=1.3):\n{indented([*body, f'return {maker.expression(s)}'])}")
    state = maker.byte() % 3
    s = Scope(["lr", "a", "b"])
    first = "".join(f"{maker.expression(s, 1)}, " for _ in range(state))
    lines.append(f"def start(lr, a=0.9, b=1.1):\n    return ({first})\n")
    s = Scope(["x", "g", "value", "norm", "lr", "a", "b"])
    body = []
    if state and maker.byte() % 2:
        names = [("v", "n")[j] for j in range(state)]
        body.append(f"{', '.join(names)}{',' * (state == 1)} = state")
        s.floats += names
    else:
        s.floats += [f"state[{j}]" for j in range(state)]
    body += maker.statements(s, maker.byte() % 4)
    after = "".join(f"{maker.expression(s)}, " for _ in range(state))
    body.append(f"return lr * {maker.expression(s)}, ({after})")
    lines.append(f"def step(x, g, value, norm, lr, state, a=0.9, b=1.1):\n{indented(body)}")
    return Made("\n".join(lines), dim, state)
