// The only file that knows Python. Arrays come as addresses; the callers (layers/operators/compiled.py,
// infer/) have checked their sizes and keep them alive.
#include "stream.h"
#include <algorithm>
#include <chrono>
#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace hiddenstate;
using Address = uintptr_t;
using Ints = std::vector<int32_t>;

static std::vector<const float *> inputs_at(const std::vector<Address> &addresses) {
  std::vector<const float *> found;
  for (Address each : addresses) found.push_back(reinterpret_cast<const float *>(each));
  return found;
}
static std::vector<float *> outputs_at(const std::vector<Address> &addresses) {
  std::vector<float *> found;
  for (Address each : addresses) found.push_back(reinterpret_cast<float *>(each));
  return found;
}

// --- a cell, from what derive/encoded.py tells ---

using ProductTuple = std::tuple<Ints, Ints, int32_t, int32_t, bool, int32_t, int32_t>;
using InstructionTuple = std::tuple<Ints, float, float>;
using CodeTuple = std::tuple<int32_t, int32_t, int32_t, std::vector<InstructionTuple>>;
using StageTuple = std::tuple<bool, std::vector<ProductTuple>, std::vector<Ints>, std::vector<CodeTuple>>;
using HalfTuple = std::tuple<std::vector<Ints>, std::vector<StageTuple>, std::vector<CodeTuple>, Ints,
                             std::vector<std::pair<int32_t, int32_t>>>;

static Code code_of(const CodeTuple &given) {
  const auto &[width, registers, printed, instructions] = given;
  Code code{width, registers, printed, {}};
  for (const auto &[n, k0, k1] : instructions)
    code.instructions.push_back({n.at(0), n.at(1), n.at(2), n.at(3), n.at(4), n.at(5), k0, k1});
  return code;
}

static Half half_of(const HalfTuple &given) {
  Half half;
  const auto &[buffers, stages, head, linear, swaps] = given;
  for (const Ints &b : buffers) half.buffers.push_back({Kind(b.at(0)), b.at(1), b.at(2)});
  for (const auto &[whole, products, norms, codes] : stages) {
    Stage stage{whole, {}, {}, {}};
    for (const auto &[sources, targets, matrix, first, back, inner, width] : products)
      stage.products.push_back({sources, targets, matrix, first, back, inner, width});
    for (const Ints &n : norms) stage.norms.push_back({n.at(0), n.at(1), n.at(2), n.at(3), n.at(4)});
    for (const CodeTuple &code : codes) stage.codes.push_back(code_of(code));
    half.stages.push_back(stage);
  }
  for (const CodeTuple &code : head) half.head.push_back(code_of(code));
  half.linear = linear, half.swaps = swaps;
  return half;
}

using MaskTuple = std::tuple<int32_t, bool, float>;
using GradientTuple = std::tuple<int32_t, int32_t, Ints, int32_t, int32_t>;

struct Cell {
  std::shared_ptr<CellShape> shape = std::make_shared<CellShape>();

  Cell(const std::vector<Ints> &matrices, const Ints &states, const std::vector<MaskTuple> &masks,
       const std::vector<Ints> &vectors, const std::vector<Ints> &inputs,
       const std::vector<GradientTuple> &gradients,
       const std::tuple<int32_t, Ints, Ints, int32_t, Ints> &widths, const HalfTuple &plain,
       const HalfTuple &taped, const HalfTuple &back) {
    for (const Ints &m : matrices) shape->matrices.push_back({m.at(0), m.at(1), m.at(2), m.at(3), m.at(4)});
    shape->states = states;
    for (const auto &[width, per_step, mean] : masks) shape->masks.push_back({width, per_step, mean});
    for (const Ints &v : vectors) shape->vectors.push_back({v.at(0), v.at(1)});
    for (const Ints &i : inputs) shape->inputs.push_back({i.at(0), i.at(1), i.at(2), i.at(3)});
    for (const auto &[matrix, first, deltas, operand, index] : gradients)
      shape->gradients.push_back({matrix, first, deltas, Kind(operand), index});
    std::tie(shape->output, shape->kept, shape->tape, shape->deviations, shape->deltas) = widths;
    shape->plain = half_of(plain), shape->taped = half_of(taped), shape->back = half_of(back);
  }
};

// --- calls ---

static thread_local bool called_by_python = false;

// Has Python been told to stop? Asked of it now and then, as asking takes its lock, and only by the thread of
// the call, which has the lock to give back.
static bool interrupted() {
  using clock = std::chrono::steady_clock;
  static thread_local clock::time_point next;
  if (!called_by_python) return false;
  const clock::time_point now = clock::now();
  if (now < next) return false;
  next = now + std::chrono::milliseconds(50);
  nb::gil_scoped_acquire held;
  return PyErr_CheckSignals() != 0;
}

using Sizes = std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t>; // T B F H P

static Call call_of(const Sizes &sizes, Address x, Address lengths, bool reverse,
                    const std::vector<Address> &states, const std::vector<Address> &parameters,
                    const std::vector<Address> &masks, int threads) {
  Call call{};
  int64_t width_f, width_h, width_p;
  std::tie(call.T, call.B, width_f, width_h, width_p) = sizes;
  call.sizes[H] = width_h, call.sizes[P] = width_p, call.sizes[F] = width_f;
  call.x = reinterpret_cast<const float *>(x), call.lengths = reinterpret_cast<const int64_t *>(lengths);
  call.reverse = reverse, call.states = inputs_at(states), call.parameters = inputs_at(parameters);
  call.masks = inputs_at(masks), call.threads = threads, call.interrupted = interrupted;
  return call;
}

template <class Work> static void uninterrupted(Work &&work) {
  struct Called {
    Called() { called_by_python = true; }
    ~Called() { called_by_python = false; }
  };
  bool whole;
  {
    nb::gil_scoped_release released;
    Called called;
    whole = work();
  }
  if (!whole) throw nb::python_error();
}

static std::vector<int64_t> tape_sizes(const Cell &cell, const Sizes &sizes) {
  const Call call = call_of(sizes, 0, 0, false, {}, {}, {}, 1);
  return tape_floats(*cell.shape, call.sizes, call.T, call.B);
}

static void forward_of(const Cell &cell, const Sizes &sizes, Address x, Address lengths, bool reverse,
                       const std::vector<Address> &states, const std::vector<Address> &parameters,
                       const std::vector<Address> &masks, const std::vector<Address> &outputs,
                       const std::vector<Address> &tape, int threads) {
  const Call call = call_of(sizes, x, lengths, reverse, states, parameters, masks, threads);
  uninterrupted([&] { return forward(*cell.shape, call, outputs_at(outputs), outputs_at(tape)); });
}

static void backward_of(const Cell &cell, const Sizes &sizes, Address x, Address lengths, bool reverse,
                        const std::vector<Address> &parameters, const std::vector<Address> &masks,
                        const std::vector<Address> &tape, const std::vector<Address> &grads, Address dx,
                        const std::vector<Address> &dstates, const std::vector<Address> &dparameters,
                        int threads) {
  const Call call = call_of(sizes, x, lengths, reverse, {}, parameters, masks, threads);
  uninterrupted([&] {
    return backward(*cell.shape, call, outputs_at(tape), inputs_at(grads), reinterpret_cast<float *>(dx),
                    outputs_at(dstates), outputs_at(dparameters));
  });
}

static void add_layer(Stream &stream, const Cell &cell, const Sizes &sizes,
                      const std::vector<Address> &parameters, const std::vector<Address> &states) {
  const Call call = call_of(sizes, 0, 0, false, states, parameters, {}, 1);
  stream.add(cell.shape, call.sizes, call.parameters, call.states);
}

static void feed_some(Stream &stream, const float *x, int64_t steps, float *out) {
  on_threads(1, [&](int) { stream.feed(x, steps, out); });
}

// Where steps come one by one, giving Python's lock away and taking it back costs as much as a twentieth of
// one: it is kept for what lasts some ten microseconds.
static void feed(Stream &stream, const float *x, int64_t steps, float *out) {
  constexpr int64_t SHORT = 1 << 19; // terms
  if (steps * stream.terms() <= SHORT) return feed_some(stream, x, steps, out);
  const auto [row_in, row_out] = stream.rows();
  const int64_t piece = std::max<int64_t>(1, (SHORT << 8) / std::max<int64_t>(1, stream.terms()));
  uninterrupted([&] {
    for (int64_t t = 0; t < steps; t += piece) {
      feed_some(stream, x + t * row_in, std::min(piece, steps - t), out + t * row_out);
      if (interrupted()) return false;
    }
    return true;
  });
}

static void feed_at(Stream &stream, Address x, int64_t steps, Address out) {
  feed(stream, reinterpret_cast<const float *>(x), steps, reinterpret_cast<float *>(out));
}

// One step between arrays whose types and sizes the caller has checked, which costs NumPy more than the step
// where it is asked for their addresses.
struct Borrowed {
  Py_buffer view;
  Borrowed(nb::handle array, int flags) {
    if (PyObject_GetBuffer(array.ptr(), &view, flags)) throw nb::python_error();
  }
  ~Borrowed() { PyBuffer_Release(&view); }
  Borrowed(const Borrowed &) = delete;
};

static void feed_arrays(Stream &stream, nb::handle x, int64_t steps, nb::handle out) {
  const Borrowed from(x, PyBUF_SIMPLE), to(out, PyBUF_WRITABLE);
  feed(stream, static_cast<const float *>(from.view.buf), steps, static_cast<float *>(to.view.buf));
}

NB_MODULE(_native, m) {
  nb::set_leak_warnings(false); // cells are kept until the process ends
  m.def("isas", [] {
    std::vector<std::string> names;
    for (const char *name : isas()) names.push_back(name);
    return names;
  });
  m.def("isa", [] { return std::string(kernels().name); });
  m.def("select_isa", [](const std::string &name) { return select_isa(name.c_str()); });
  m.def("ops", [] { return std::vector<std::string>(OP_NAMES, OP_NAMES + OPS); });
  m.def("printed", [] { return std::vector<std::string>(PRINTED_TEXTS, PRINTED_TEXTS + PRINTED_COUNT); });
  m.def("team", [](Address parallel, Address number, Address count) {
    team({reinterpret_cast<decltype(Team::parallel)>(parallel),
          reinterpret_cast<decltype(Team::number)>(number), reinterpret_cast<decltype(Team::count)>(count)});
  });
  m.def("elementwise", [](int32_t op, Address x, Address y, int64_t n, float k0, float k1) {
    on_threads(1, [&](int) { // where denormals are flushed, as in a run
      kernels().elementwise(op, reinterpret_cast<const float *>(x), reinterpret_cast<float *>(y), n, k0, k1);
    });
  });
  nb::class_<Cell>(m, "Cell")
      .def(nb::init<const std::vector<Ints> &, const Ints &, const std::vector<MaskTuple> &,
                    const std::vector<Ints> &, const std::vector<Ints> &, const std::vector<GradientTuple> &,
                    const std::tuple<int32_t, Ints, Ints, int32_t, Ints> &, const HalfTuple &,
                    const HalfTuple &, const HalfTuple &>())
      .def("tape_sizes", &tape_sizes)
      .def("forward", &forward_of)
      .def("backward", &backward_of);
  nb::class_<Stream>(m, "Stream")
      .def(nb::init<int64_t>())
      .def("add", &add_layer)
      .def("feed", &feed_at)
      .def("feed_arrays", &feed_arrays)
      .def("steps", &Stream::fed)
      .def("state", [](const Stream &s, size_t layer, size_t number,
                       Address out) { s.state(layer, number, reinterpret_cast<float *>(out)); })
      .def("set_state", [](Stream &s, size_t layer, size_t number, Address given) {
        s.set_state(layer, number, reinterpret_cast<const float *>(given));
      });
}
