"""The operator and its rules: shapes without values, vmap, derivatives of every kind, export, overhead."""

import sys

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from hiddenstate import layers
from hiddenstate.cells import CELLS
from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.layers import Recurrent
from hiddenstate.layers.operators import Inputs, Plan, choose_backend, key_of, unroll
from hiddenstate.layers.operators.bridge import BACKENDS
from hiddenstate.layers.operators.replay import reference

T, B, F, H = 4, 3, 2, 3
NAMES = ("lstm", "gru_before", "lstm_layer_norm", "jordan", "slstm")


def _call(name, seed=0, **changes):
    """A plan, and the tensors of a call in float64."""
    torch.manual_seed(seed)
    cell = CELLS[name]
    shapes = cell.parameter_shapes(F, H, 2)
    draw = lambda *shape: torch.randn(*shape, dtype=torch.float64).requires_grad_()  # noqa: E731
    states = [draw(B, {"H": H, "P": 2}[state.width]).abs() + 0.5 for state in cell.states]
    inputs = Inputs(draw(T, B, F), states, [draw(*shape) for shape in shapes.values()])
    return Plan(key_of(cell), " ".join(shapes), **changes), inputs


def _loss(found):
    return sum((value * torch.linspace(-1, 1, value.numel()).view(value.shape)).sum() for value in found)


def _leaves(inputs):
    return [inputs.x, *inputs.states, *inputs.parameters]


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("lengths", [None, [4, 0, 2]])
@pytest.mark.parametrize("reverse", [False, True])
def test_the_tape_gives_what_autograd_gives(name, lengths, reverse):
    cell = CELLS[name]
    plan, inputs = _call(name, reverse=reverse, keep=" ".join(list(dict(cell.assignments))[:2]))
    ends = None if lengths is None else torch.tensor(lengths)
    inputs = Inputs(inputs.x, inputs.states, inputs.parameters, (), ends)
    found, judge = unroll(plan, inputs), reference(plan, inputs)
    for mine, expected in zip(found, judge, strict=True):
        assert torch.equal(mine, expected)
    leaves = _leaves(inputs)
    pairs = zip(
        torch.autograd.grad(_loss(found), leaves, allow_unused=True),
        torch.autograd.grad(_loss(judge), leaves, allow_unused=True),
        strict=True,
    )
    for leaf, (mine, expected) in zip(leaves, pairs, strict=True):
        mine, expected = (torch.zeros_like(leaf) if g is None else g for g in (mine, expected))
        torch.testing.assert_close(mine, expected, atol=1e-12, rtol=1e-10)


def test_a_gradient_of_one_output_alone():
    plan, inputs = _call("lstm")
    for place in range(3):
        mine = torch.autograd.grad(unroll(plan, inputs)[place].sum(), inputs.x)[0]
        judge = torch.autograd.grad(reference(plan, inputs)[place].sum(), inputs.x)[0]
        torch.testing.assert_close(mine, judge, atol=1e-12, rtol=1e-10)
    frozen = Inputs(inputs.x.detach(), [s.detach() for s in inputs.states], inputs.parameters)
    unroll(plan, frozen)[0].sum().backward()
    assert inputs.parameters[0].grad.abs().sum() > 0


def test_backward_twice_through_one_graph():
    plan, inputs = _call("gru")
    loss = _loss(unroll(plan, inputs))
    first = torch.autograd.grad(loss, inputs.x, retain_graph=True)[0]
    assert torch.equal(first, torch.autograd.grad(loss, inputs.x)[0])


@pytest.mark.parametrize("name", NAMES)
def test_vmap_is_a_loop(name):
    plan, inputs = _call(name)
    xs = torch.randn(5, T, B, F, dtype=torch.float64)
    ends = torch.tensor([[4, 0, 2], [1, 1, 1], [0, 0, 0], [3, 4, 2], [4, 4, 4]])

    def run(x, lengths):
        return tuple(unroll(plan, Inputs(x, inputs.states, inputs.parameters, (), lengths)))

    looped = [run(x, lengths) for x, lengths in zip(xs, ends, strict=True)]
    for mine, parts in zip(torch.func.vmap(run)(xs, ends), zip(*looped, strict=True), strict=True):
        torch.testing.assert_close(mine, torch.stack(parts), atol=1e-13, rtol=1e-12)
    moved = torch.func.vmap(run, in_dims=(2, 0))(xs.movedim(0, 2), ends)
    torch.testing.assert_close(moved[0], torch.stack([parts[0] for parts in looped]), atol=1e-13, rtol=1e-12)


def test_vmap_over_weights():
    plan, inputs = _call("lstm")
    weights = torch.randn(4, *inputs.parameters[1].shape, dtype=torch.float64)

    def run(weight):
        parameters = [inputs.parameters[0], weight, *inputs.parameters[2:]]
        return unroll(plan, Inputs(inputs.x, inputs.states, parameters))[0]

    torch.testing.assert_close(
        torch.func.vmap(run)(weights), torch.stack([run(weight) for weight in weights])
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_transforms_of_torch_func(name):
    plan, inputs = _call(name)

    def loss(x, weight):
        parameters = [weight, *inputs.parameters[1:]]
        return _loss(unroll(plan, Inputs(x, inputs.states, parameters)))

    xs = torch.randn(3, T, B, F, dtype=torch.float64, requires_grad=True)
    weight = inputs.parameters[0]
    each = torch.func.vmap(torch.func.grad(loss, argnums=1), in_dims=(0, None))(xs, weight)
    judge = torch.stack([torch.autograd.grad(loss(x, weight), weight)[0] for x in xs])
    torch.testing.assert_close(each, judge, atol=1e-11, rtol=1e-9)
    slopes = torch.func.jacrev(lambda x: unroll(plan, Inputs(x, inputs.states, inputs.parameters))[0])(xs[0])
    judge = torch.autograd.functional.jacobian(
        lambda x: reference(plan, Inputs(x, inputs.states, inputs.parameters))[0], xs[0]
    )
    torch.testing.assert_close(slopes, judge, atol=1e-11, rtol=1e-9)


def test_many_adjoints_at_once():
    plan, inputs = _call("lstm")
    output = unroll(plan, inputs)[0]
    seeds = torch.randn(4, *output.shape, dtype=torch.float64)
    found = torch.autograd.grad(output, inputs.x, seeds, is_grads_batched=True, retain_graph=True)[0]
    judge = torch.stack([torch.autograd.grad(output, inputs.x, s, retain_graph=True)[0] for s in seeds])
    torch.testing.assert_close(found, judge, atol=1e-12, rtol=1e-10)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # forward mode itself uses it
def test_forward_mode_is_refused_not_dropped():
    plan, inputs = _call("lstm")
    with torch.autograd.forward_ad.dual_level():
        x = torch.autograd.forward_ad.make_dual(inputs.x.detach(), torch.ones_like(inputs.x))
        with pytest.raises(Unsupported, match="use reverse mode: vjp, jacrev, or jacrev twice"):
            unroll(plan, Inputs(x, inputs.states, inputs.parameters))


@pytest.mark.parametrize("name", CELLS)
def test_shapes_without_values(name):
    layer = Recurrent(name, F, H, num_layers=2, bidirectional=True, proj_size=2 if _has_width(name) else 0)
    output, state = layer(torch.zeros(T, B, F), lengths=[1, 0, 4])
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        fake, rest = layer(
            mode.from_tensor(torch.zeros(T, B, F)), lengths=mode.from_tensor(torch.tensor([1, 0, 4]))
        )
        fake.sum().backward()
    for mine, expected in zip((fake, *rest), (output, *state), strict=True):
        assert (mine.shape, mine.dtype) == (expected.shape, expected.dtype)
    meta = layer.to("meta")(torch.zeros(T, B, F, device="meta"))[0]
    assert (meta.shape, meta.device.type) == (output.shape, "meta")


def _has_width(name):
    cell = CELLS[name]
    return "P" in {row.width for row in (*cell.states, *cell.matrices)}


def test_torch_checks_the_registration():
    plan, inputs = _call("gru")
    words = (plan.key, plan.names, plan.keep, plan.reverse, "reference")
    given = (inputs.x, list(inputs.states), list(inputs.parameters), [], torch.tensor([4, 0, 2]), *words)
    torch.library.opcheck(
        torch.ops.hiddenstate.unroll,
        given,
        test_utils=("test_schema", "test_autograd_registration", "test_faketensor"),
    )
    found = torch.ops.hiddenstate.unroll(*given)
    mine = torch.autograd.grad(_loss(found), _leaves(inputs))
    judge = torch.autograd.grad(_loss(reference(plan, Inputs(*given[:4], given[4]))), _leaves(inputs))
    torch.testing.assert_close(mine, judge, atol=1e-12, rtol=1e-10)
    xs = torch.randn(2, T, B, F, dtype=torch.float64)
    with torch.no_grad():
        wide = torch.func.vmap(lambda x: torch.ops.hiddenstate.unroll(x, *given[1:])[0])(xs)
        looped = torch.stack([torch.ops.hiddenstate.unroll(x, *given[1:])[0] for x in xs])
        torch.testing.assert_close(wide, looped, atol=1e-13, rtol=1e-12)


def test_an_exported_layer_stands_by_itself():
    layer = Recurrent("lstm", F, H, num_layers=2).eval()
    x = torch.randn(T, B, F)
    exported = torch.export.export(layer, (x,), strict=False)
    targets = [str(n.target) for n in exported.graph.nodes if n.op == "call_function"]
    assert sum("hiddenstate.unroll" in target for target in targets) == 2
    torch.testing.assert_close(exported.module()(x)[0], layer(x)[0])


def test_lengths_are_checked_where_they_are_read():
    plan, inputs = _call("gru")
    for wrong in ([5, 0, 1], [-1, 2, 2]):
        given = Inputs(inputs.x, inputs.states, inputs.parameters, (), torch.tensor(wrong))
        with pytest.raises(InvalidArgument, match="expected lengths between 0 and the 4 steps of x, came"):
            unroll(plan, given)
        with pytest.raises(InvalidArgument), torch.no_grad():
            unroll(plan, given)


def test_results_share_no_memory():
    plan, inputs = _call("lstm")
    empty = Inputs(inputs.x[:0].detach(), [s.detach() for s in inputs.states], inputs.parameters)
    with torch.no_grad():
        output, *last = unroll(plan, empty)
    assert output.shape == (0, B, H)
    for mine, given in zip(last, empty.states, strict=True):
        assert torch.equal(mine, given)
        assert mine.data_ptr() != given.data_ptr()


def test_backends():
    assert [choose_backend(name) for name in BACKENDS] == ["auto", "reference", "native"]
    with pytest.raises(InvalidArgument, match="did you mean 'native'"):
        Recurrent("lstm", F, H, backend="nativ")


def _deepest_own_frames(call, *given):
    """The most frames of ours between a caller and the operators' implementation, or the core's caller."""
    from hiddenstate.layers.operators import compiled, library

    inside = {run.__code__ for run in (library.run_plain, library.run_taped, library.run_back)}
    entries = inside | {compiled.forward.__code__, compiled.backward.__code__}
    seen = []

    def watch(frame, event, _):
        if event == "call" and frame.f_code in entries and frame.f_back.f_code not in inside:
            own, above = 0, frame.f_back
            while above is not None:
                own += "/hiddenstate/" in above.f_code.co_filename.replace("\\", "/")
                above = above.f_back
            seen.append(own)

    sys.setprofile(watch)
    try:
        call(*given)
    finally:
        sys.setprofile(None)
    return seen


@pytest.mark.parametrize("train", [False, True])
def test_at_most_four_frames_of_ours(train):
    x, packed = torch.randn(T, B, F), torch.nn.utils.rnn.pack_sequence([torch.randn(2, F), torch.randn(1, F)])
    for module, given in (
        (Recurrent("lstm", F, H, num_layers=2, bidirectional=True), x),
        (layers.RecurrentCell("lstm", F, H), x[0]),
        (layers.LSTM(F, H), x),
        (layers.GRU(F, H), packed),
        (layers.GRUCell(F, H), x[0]),
    ):
        with torch.set_grad_enabled(train):
            counts = _deepest_own_frames(module, given)
        assert counts
        assert max(counts) <= 4
