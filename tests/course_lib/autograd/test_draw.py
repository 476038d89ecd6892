"""The drawing shows every value, the gradients of finished stages only, and arrows that go to the right."""

from __future__ import annotations

import pytest

from course_lib.autograd import Tensor, backward_stages, draw_graph
from course_lib.autograd.draw import layout
from course_lib.viz import figure


def graph() -> Tensor:
    x, y, z = Tensor(-2.0, op="x"), Tensor(5.0, op="y"), Tensor(-4.0, op="z")
    return (x + y) * z


def test_arrows_go_right_and_no_two_nodes_share_a_place():
    root = graph()
    places = layout(root)
    assert len(set(places.values())) == len(places) == 5
    assert all(places[id(p)][0] < places[id(n)][0] for n in root.topological_order() for p in n.parents)


def test_stages_begin_at_the_root_and_pass_a_node_only_after_all_that_use_it():
    root = graph()
    stages = backward_stages(root)
    assert stages[0] is root
    for i, node in enumerate(stages):
        assert all(other in stages[:i] for other in stages if node in other.parents)


@pytest.mark.parametrize("finished", [0, 1, 3, 5])
def test_as_many_gradients_as_finished_stages(finished):
    root = graph()
    root.backward()
    _, ax = figure()
    draw_graph(ax, root, finished)
    below = [text.get_text() for text in ax.texts if text.get_va() == "top"]
    assert below == [f"{node.grad.item():.3g}" for node in backward_stages(root)[:finished]]
    above = sorted(text.get_text() for text in ax.texts if text.get_va() == "bottom")
    assert above == sorted(["-2", "5", "-4", "3", "-12"])


def test_bad_graphs_are_refused():
    _, ax = figure()
    with pytest.raises(ValueError, match="graphs of single values"):
        draw_graph(ax, Tensor([1.0, 2.0]).sum())
    with pytest.raises(ValueError, match="there are no gradients yet"):
        draw_graph(ax, graph(), finished=1)
