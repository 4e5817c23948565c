"""Where each state and each way between them is drawn: layers, by Sugiyama's method (grandalf)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grandalf.graphs import Edge, Graph, Vertex
from grandalf.layouts import SugiyamaLayout, VertexViewer
from grandalf.routing import EdgeViewer

from report.graph import Definition, State, edges_of, inner_of

Point = tuple[float, float]
#: The name of what is drawn for an execution's beginning; no state can be called so. Its end is
#: not drawn: the ways there, around all else, make a graph half as wide again.
START = "\0start"

ANY_ERROR = "any error"
_MOST_OF_A_LABEL = 26
_CHARACTER, _PADDING, _HEIGHT = 8.2, 44, 44
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
class Way:
    """From one state to another; `path` is that of SVG."""

    source: str
    target: str
    label: str
    is_catch: bool
    points: list[Point] = field(default_factory=list)

    @property
    def condition(self) -> str:
        """What decides for this way, or as much of it as fits; none for any error, or on a loop."""
        undrawn = self.label == ANY_ERROR or self.source == self.target
        return "" if undrawn else shortened(self.label, _MOST_OF_A_LABEL)

    @property
    def label_at(self) -> Point:
        """Where the condition begins: beside the arrow's head."""
        (_, before), (x, y) = self.points[-2:]
        return x + 7, y - 9 if before < y else y + 17

    @property
    def path(self) -> str:
        """Straight along a layer, curved between two."""
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
    """A machine with the ones inside its Maps and Parallels; outer states come first."""

    width: float = 0
    height: float = 0
    nodes: list[Node] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)

    def add(self, other: Drawing, x: float, y: float) -> None:
        """Take over what another has, moved."""
        for node in other.nodes:
            node.x, node.y = node.x + x, node.y + y
        for way in other.ways:
            way.points = [(px + x, py + y) for px, py in way.points]
        self.nodes += other.nodes
        self.ways += other.ways
        self.width = max(self.width, x + other.width)
        self.height = max(self.height, y + other.height)


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def layout(
    definition: Definition, taken: Collection[tuple[str, str]], outer: bool = True
) -> Drawing:
    """Lay a definition out.

    A Catch of any error is drawn where a run has taken it, or as the only way to its state: all
    states having one, their lines would cover the graph.

    Args:
        definition: ``{"StartAt": name, "States": {name: state}}``.
        taken: the ways that a run has gone, by the names of their states.
        outer: with a start.
    """
    states: Mapping[str, State] = definition["States"]
    ways = _ways(definition, taken, outer)
    inner = {name: _inner_drawing(state, taken) for name, state in states.items()}
    vertices: dict[str, Any] = {}
    for name in [*([START] if outer else []), *states]:
        node = _node(name, states.get(name, {}), inner.get(name))
        vertices[name] = Vertex(node)
        vertices[name].view = VertexViewer(node.width, node.height)
    edges: dict[tuple[str, str], Any] = {}
    for way in ways:
        key = (way.source, way.target)
        if way.source != way.target and key not in edges:
            edges[key] = Edge(vertices[way.source], vertices[way.target], data=way)
            edges[key].view = EdgeViewer()
    drawing = Drawing()
    graph = Graph(list(vertices.values()), list(edges.values()), directed=True)
    first = vertices[START if outer else str(definition["StartAt"])]
    for component in sorted(graph.C, key=lambda each: first not in each.sV):
        drawing.add(_component(component, first), drawing.width and drawing.width + _GAP_X, 0)
    for node in list(drawing.nodes):
        if within := inner.get(node.name):
            drawing.add(within, node.x + (node.width - within.width) / 2, node.y + _BOX_TITLE)
    placed = {node.name: node for node in drawing.nodes}
    drawing.ways += [_loop(way, placed[way.source]) for way in ways if way.source == way.target]
    return drawing


def _ways(definition: Definition, taken: Collection[tuple[str, str]], outer: bool) -> list[Way]:
    found: list[Way] = [Way(START, str(definition["StartAt"]), "", False)] if outer else []
    only_catch: dict[str, Way] = {}
    for name, state in definition["States"].items():
        for target, label, is_catch in edges_of(state):
            way = Way(name, str(target), label or (ANY_ERROR if is_catch else ""), is_catch)
            if is_catch and not label and (name, target) not in taken:
                only_catch[way.target] = way
            else:
                found.append(way)
    reached = {way.target for way in found if way.source != way.target}
    return found + [way for target, way in only_catch.items() if target not in reached]


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
    """Place the states that are connected, and the ways between them."""
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
        way: Way = edge.data
        bends = getattr(edge.view, "_pts", [])[1:-1]
        # grandalf turns around the edges that close a cycle, and not always its names.
        way.points = _points(*_ends(way, drawing.nodes), bends, layers)
        drawing.ways.append(way)
    xs = [x for way in drawing.ways for x, _ in way.points] + [n.x for n in drawing.nodes]
    ends = [x for way in drawing.ways for x, _ in way.points]
    ends += [node.x + node.width for node in drawing.nodes]
    left, top = min(xs), min(node.y for node in drawing.nodes)
    bottom = max(node.y + node.height for node in drawing.nodes)
    moved = Drawing(max(ends) - left, bottom - top)
    moved.add(drawing, -left, -top)
    return moved


def _placed(sugiyama: Any) -> Iterable[Any]:
    return (layer for layer in sugiyama.layers if layer)


def _ends(way: Way, nodes: Sequence[Node]) -> tuple[Node, Node]:
    by_name = {node.name: node for node in nodes}
    return by_name[way.source], by_name[way.target]


def _points(
    source: Node, target: Node, bends: Sequence[Point], layers: Sequence[tuple[float, float]]
) -> list[Point]:
    """From border to border; straight through the layers in between, so that nothing is crossed."""
    down = source.y < target.y
    if bends and (bends[0][1] < bends[-1][1]) != down and len(bends) > 1:
        bends = list(reversed(bends))
    middles = [node.x + node.width / 2 for node in (source, target)]
    toward = [bends[0][0], bends[-1][0]] if bends else [middles[1], middles[0]]
    ends = []
    for node, x, other in zip((source, target), middles, toward, strict=True):
        # A little towards where it goes: a loop's two ways do not lie on each other.
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


def _loop(way: Way, node: Node) -> Way:
    """From a state to itself, beside its right border."""
    x, y = node.x + node.width, node.y + node.height / 2
    way.points = [(x, y + 10), (x + 14, y), (x, y - 10)]
    return way
