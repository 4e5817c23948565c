"""The places of states and arrows in a graph: layers, by Sugiyama's method (grandalf)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grandalf.graphs import Edge, Graph, Vertex
from grandalf.layouts import SugiyamaLayout, VertexViewer
from grandalf.routing import EdgeViewer

from report.definition import ANY_ERROR, Definition, State, inner_of, transitions_of
from report.wording import shortened

Point = tuple[float, float]
#: The name of the node for an execution's start; no state can have it. There is none for its end:
#: the arrows to it, around all else, make a graph half as wide again.
START = "\0start"

_MOST_OF_A_LABEL = 26
_CHARACTER, _SMALL_CHARACTER, _PADDING, _HEIGHT = 8.2, 6.5, 44, 44
_NARROWEST, _MOST_CHARACTERS = 160, 30
_BOX_TITLE, _BOX_PADDING = 50, 16
_GAP_X, _GAP_Y = 28, 46


@dataclass
class Node:
    """A state; `x` and `y` are its upper left corner's, in CSS pixels."""

    name: str
    type: str
    width: float
    height: float
    x: float = 0
    y: float = 0
    has_inner: bool = False

    @property
    def label(self) -> str:
        """The name, or as much of it as fits."""
        return shortened(self.name, _MOST_CHARACTERS)


@dataclass
class Arrow:
    """A transition from one state to another."""

    source: str
    target: str
    label: str
    is_catch: bool
    points: list[Point] = field(default_factory=list)

    @property
    def condition(self) -> str:
        """The condition on it, or as much of it as fits; none for any error, or on a loop."""
        undrawn = self.label == ANY_ERROR or self.source == self.target
        return "" if undrawn else shortened(self.label, _MOST_OF_A_LABEL)

    @property
    def label_at(self) -> Point:
        """The place of the condition: beside the arrow's head."""
        (_, before), (x, y) = self.points[-2:]
        return x + 7, y - 9 if before < y else y + 17

    @property
    def path(self) -> str:
        """An SVG path: straight along a layer, curved between two."""
        (x, y), *rest = self.points
        parts = [f"M{x:.1f},{y:.1f}"]
        for next_x, next_y in rest:
            middle = (y + next_y) / 2
            curve = f"C{x:.1f},{middle:.1f} {next_x:.1f},{middle:.1f}"
            parts.append(f"{curve if next_x != x else 'L'} {next_x:.1f},{next_y:.1f}")
            x, y = next_x, next_y
        return " ".join(parts)


@dataclass
class Drawing:
    """A definition with the ones inside its Maps and Parallels; outer states come first."""

    width: float = 0
    height: float = 0
    nodes: list[Node] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)

    def add(self, other: Drawing, x: float, y: float) -> None:
        """Add another drawing at a place."""
        for node in other.nodes:
            node.x, node.y = node.x + x, node.y + y
        for arrow in other.arrows:
            arrow.points = [(px + x, py + y) for px, py in arrow.points]
        self.nodes += other.nodes
        self.arrows += other.arrows
        self.width = max(self.width, x + other.width)
        self.height = max(self.height, y + other.height)


def layout(
    definition: Definition, taken: Collection[tuple[str, str]], outer: bool = True
) -> Drawing:
    """Lay a definition out.

    A Catch of any error is drawn if a run has taken it, or if it is the only arrow to its state:
    nearly all states have one, and their arrows would cover the graph.

    Args:
        definition: ``{"StartAt": name, "States": {name: state}}``.
        taken: the transitions that a run has taken, by the names of their states.
        outer: draws a start.
    """
    states: Mapping[str, State] = definition["States"]
    start = START if outer else _start_of(definition)
    arrows = _arrows(definition, taken, outer)
    inner = {name: _inner_drawing(state, taken) for name, state in states.items()}
    vertices: dict[str, Any] = {}
    for name in [*([START] if outer else []), *states]:
        node = _node(name, states.get(name, {}), inner.get(name))
        vertices[name] = Vertex(node)
        vertices[name].view = VertexViewer(node.width, node.height)
    edges: dict[tuple[str, str], Any] = {}
    for arrow in arrows:
        key = (arrow.source, arrow.target)
        if arrow.source != arrow.target and key not in edges:
            edges[key] = Edge(vertices[arrow.source], vertices[arrow.target], data=arrow)
            edges[key].view = EdgeViewer()
    drawing, first = Drawing(), vertices[start]
    graph = Graph(list(vertices.values()), list(edges.values()), directed=True)
    for component in sorted(graph.C, key=lambda part: first not in part.sV):
        drawing.add(_component(component, first), drawing.width and drawing.width + _GAP_X, 0)
    for node in list(drawing.nodes):
        if within := inner.get(node.name):
            drawing.add(within, node.x + (node.width - within.width) / 2, node.y + _BOX_TITLE)
    placed = {node.name: node for node in drawing.nodes}
    drawing.arrows += [
        _loop(arrow, placed[arrow.source]) for arrow in arrows if arrow.source == arrow.target
    ]
    return drawing


def _start_of(definition: Definition) -> str:
    """The first state; the beginning of a run may be missing from its history."""
    states: Mapping[str, State] = definition["States"]
    start = str(definition["StartAt"])
    return start if start in states else next(iter(states), "")


def _arrows(definition: Definition, taken: Collection[tuple[str, str]], outer: bool) -> list[Arrow]:
    start = _start_of(definition)
    arrows = [Arrow(START, start, "", False)] if outer and start else []
    only_catch: dict[str, Arrow] = {}
    for name, state in definition["States"].items():
        for target, label, is_catch in transitions_of(state):
            arrow = Arrow(name, str(target), label or (ANY_ERROR if is_catch else ""), is_catch)
            if is_catch and not label and (name, target) not in taken:
                only_catch[arrow.target] = arrow
            else:
                arrows.append(arrow)
    reached = {arrow.target for arrow in arrows if arrow.source != arrow.target}
    return arrows + [arrow for target, arrow in only_catch.items() if target not in reached]


def _inner_drawing(state: State, taken: Collection[tuple[str, str]]) -> Drawing | None:
    drawing = Drawing()
    for machine in inner_of(state):
        if machine.get("States"):
            beside = drawing.width and drawing.width + _GAP_X
            drawing.add(layout(machine, taken, outer=False), beside, 0)
    return drawing if drawing.nodes else None


def _node(name: str, state: State, inner: Drawing | None) -> Node:
    if name == START:
        return Node(name, "Start", 56, 30)
    width = max(min(len(name), _MOST_CHARACTERS) * _CHARACTER + _PADDING, _NARROWEST)
    kind = str(state.get("Type", ""))
    if not inner:
        return Node(name, kind, width, _HEIGHT)
    width = max(width, inner.width + 2 * _BOX_PADDING)
    return Node(name, kind, width, _BOX_TITLE + inner.height + _BOX_PADDING, has_inner=True)


def _component(component: Any, first: Any) -> Drawing:
    """Place the states that are connected, and the arrows between them."""
    vertices: Sequence[Any] = list(component.sV)
    sugiyama = SugiyamaLayout(component)
    sugiyama.xspace, sugiyama.yspace = _GAP_X, _GAP_Y
    roots = [first] if first in vertices else [vertices[0]]
    sugiyama.init_all(roots=roots)
    sugiyama.draw(8)
    layers = [(layer[0].view.xy[1], max(v.view.h for v in layer)) for layer in _placed(sugiyama)]
    drawing = Drawing()
    for vertex in vertices:
        node: Node = vertex.data
        node.x = vertex.view.xy[0] - node.width / 2
        node.y = vertex.view.xy[1] - node.height / 2
        drawing.nodes.append(node)
    for edge in component.sE:
        arrow: Arrow = edge.data
        bends = getattr(edge.view, "_pts", [])[1:-1]
        # grandalf inverts the edges that close a cycle, but does not always swap their states.
        arrow.points = _points(*_ends(arrow, drawing.nodes), bends, layers)
        drawing.arrows.append(arrow)
    xs = [x for arrow in drawing.arrows for x, _ in arrow.points] + [n.x for n in drawing.nodes]
    ends = [x for arrow in drawing.arrows for x, _ in arrow.points]
    ends += [a.label_at[0] + len(a.condition) * _SMALL_CHARACTER for a in drawing.arrows]
    ends += [node.x + node.width for node in drawing.nodes]
    left, top = min(xs), min(node.y for node in drawing.nodes)
    bottom = max(node.y + node.height for node in drawing.nodes)
    moved = Drawing(max(ends) - left, bottom - top)
    moved.add(drawing, -left, -top)
    return moved


def _placed(sugiyama: Any) -> Iterable[Any]:
    return (layer for layer in sugiyama.layers if layer)


def _ends(arrow: Arrow, nodes: Sequence[Node]) -> tuple[Node, Node]:
    by_name = {node.name: node for node in nodes}
    return by_name[arrow.source], by_name[arrow.target]


def _points(
    source: Node, target: Node, bends: Sequence[Point], layers: Sequence[tuple[float, float]]
) -> list[Point]:
    """From border to border; straight through the layers between, so that it crosses no state."""
    down = source.y < target.y
    if bends and (bends[0][1] < bends[-1][1]) != down and len(bends) > 1:
        bends = list(reversed(bends))
    middles = [node.x + node.width / 2 for node in (source, target)]
    toward = [bends[0][0], bends[-1][0]] if bends else [middles[1], middles[0]]
    ends = []
    for node, x, other in zip((source, target), middles, toward, strict=True):
        # A little towards its target, so that the two arrows of a loop do not cover each other.
        shift = max(min((other - x) / 4, node.width / 3), -node.width / 3)
        leaves_below = down == (node is source)
        edge = node.y + node.height if leaves_below else node.y
        ends.append((x + shift, edge, _border(node, layers, below=leaves_below)))
    (x1, y1, border1), (x2, y2, border2) = ends
    points = [(x1, y1), (x1, border1)]
    for x, y in bends:
        height = min(layers, key=lambda layer: abs(layer[0] - y))[1] / 2
        points += [(x, y - height), (x, y + height)] if down else [(x, y + height), (x, y - height)]
    points += [(x2, border2), (x2, y2)]
    return [point for at, point in enumerate(points) if at == 0 or point != points[at - 1]]


def _border(node: Node, layers: Sequence[tuple[float, float]], *, below: bool) -> float:
    middle, height = min(layers, key=lambda layer: abs(layer[0] - node.y - node.height / 2))
    return middle + height / 2 if below else middle - height / 2


def _loop(arrow: Arrow, node: Node) -> Arrow:
    """From a state to itself, beside its right border."""
    x, y = node.x + node.width, node.y + node.height / 2
    arrow.points = [(x, y + 10), (x + 14, y), (x, y - 10)]
    return arrow
