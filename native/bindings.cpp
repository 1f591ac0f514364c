// The only file that knows Python. Arrays come as addresses; who calls (layers/operators/compiled.py) has
// checked their sizes and keeps them alive.
#include "layer.h"
#include <algorithm>
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace hiddenstate;
using Address = uintptr_t;

static float *floats(Address address) { return reinterpret_cast<float *>(address); }

template <class F> static void on_threads(int threads, F &&work) {
  parallel(
      threads, [](void *context, int t) { (*static_cast<std::remove_reference_t<F> *>(context))(t); }, &work);
}

// An even share of [0, count), in whole units of `grain`.
static std::pair<int64_t, int64_t> share(int64_t count, int64_t grain, int threads, int t) {
  const int64_t units = (count + grain - 1) / grain;
  return {std::min(count, units * t / threads * grain), std::min(count, units * (t + 1) / threads * grain)};
}

// --- a program: its shape is read once, its addresses and sizes at every call ---

using Ints = std::vector<int64_t>;
using ProductShape = std::tuple<Ints, Ints, int64_t, int64_t, bool>; // sources, targets, inner, width, back
using CodeShape = std::tuple<int64_t, int64_t, std::vector<Ints>, std::vector<std::vector<double>>>;
using StageShape = std::tuple<bool, std::vector<ProductShape>, std::vector<Ints>, std::vector<CodeShape>>;

struct Shape {
  std::vector<StageShape> stages;
  std::vector<Ints> swaps;

  Shape(std::vector<StageShape> stages_, std::vector<Ints> swaps_) : stages(stages_), swaps(swaps_) {}

  // sizes: what the width letters stand for. matrices: address, row stride and bias address of each product.
  Program with(const Ints &sizes, const Ints &buffers, const Ints &matrices) const {
    Program program;
    for (size_t i = 0; i + 3 < buffers.size(); i += 4)
      program.buffers.push_back(
          {buffers[i], floats(Address(buffers[i + 1])), buffers[i + 2], floats(Address(buffers[i + 3]))});
    size_t m = 0;
    for (const auto &[whole, products, norms, codes] : stages) {
      Stage stage{whole, {}, {}, {}};
      for (const auto &[sources, targets, inner, width, back] : products) {
        Product product;
        product.sources.assign(sources.begin(), sources.end());
        product.targets.assign(targets.begin(), targets.end());
        product.inner = int32_t(sizes[inner]), product.width = int32_t(sizes[width]), product.back = back;
        product.weight = floats(Address(matrices[m])), product.weight_stride = matrices[m + 1];
        product.bias = floats(Address(matrices[m + 2]));
        m += 3;
        kernels().pack(product);
        stage.products.push_back(std::move(product));
      }
      for (const Ints &n : norms)
        stage.norms.push_back(
            {int32_t(n[0]), int32_t(n[1]), int32_t(n[2]), int32_t(sizes[n[3]]), int32_t(n[4])});
      for (const auto &[width, registers, instructions, constants] : codes) {
        Code code{int32_t(sizes[width]), int32_t(registers), {}};
        for (size_t i = 0; i < instructions.size(); i++) {
          const Ints &n = instructions[i];
          code.instructions.push_back({int32_t(n[0]), int32_t(n[1]), int32_t(n[2]), int32_t(n[3]),
                                       int32_t(n[4]), int32_t(n[5]), float(constants[i][0]),
                                       float(constants[i][1])});
        }
        stage.codes.push_back(std::move(code));
      }
      program.stages.push_back(std::move(stage));
    }
    for (const Ints &pair : swaps) program.swaps.push_back({int32_t(pair[0]), int32_t(pair[1])});
    return program;
  }
};

static void run(const Shape &shape, const Ints &sizes, const Ints &buffers, const Ints &matrices,
                Address count, Address first, int64_t steps, int64_t batch, bool backwards, int threads) {
  nb::gil_scoped_release released;
  const Program program = shape.with(sizes, buffers, matrices);
  const Rows rows{reinterpret_cast<const int64_t *>(count), reinterpret_cast<const int64_t *>(first), steps};
  threads = int(std::max<int64_t>(1, std::min<int64_t>(threads, (batch + 5) / 6)));
  on_threads(threads, [&](int t) {
    auto [from, to] = share(batch, 6, threads, t);
    kernels().run(program, rows, backwards, from, to);
  });
}

// out [rows, blocks x width, rounded up] = sources . matrix (+ bias); see Product for the two directions
static void multiply(int64_t blocks, bool back, int64_t inner, int64_t width, Address weight,
                     int64_t weight_stride, Address bias, const Ints &sources, const Ints &strides,
                     Address out, int64_t out_stride, int64_t rows, int threads) {
  nb::gil_scoped_release released;
  Product product;
  product.sources.resize(sources.size()), product.targets.resize(size_t(blocks));
  product.inner = int32_t(inner), product.width = int32_t(width), product.back = back;
  product.weight = floats(weight), product.weight_stride = weight_stride, product.bias = floats(bias);
  kernels().pack(product);
  std::vector<const float *> a;
  for (int64_t each : sources) a.push_back(floats(Address(each)));
  on_threads(threads, [&](int t) {
    auto [from, to] = share(rows, 6, threads, t);
    kernels().multiply(product, a.data(), strides.data(), floats(out), out_stride, from, to);
  });
}

static void outer(Address a, int64_t a_stride, Address x, int64_t x_stride, int64_t terms, int64_t M,
                  int64_t N, Address out, int64_t out_stride, int threads) {
  nb::gil_scoped_release released;
  on_threads(threads, [&](int t) {
    auto [from, to] = share(M, 6, threads, t);
    kernels().outer(floats(a), a_stride, floats(x), x_stride, terms, N, floats(out), out_stride, from, to);
  });
}

static void column_sums(Address a, int64_t stride, int64_t terms, Address out, int64_t columns, int threads) {
  nb::gil_scoped_release released;
  on_threads(threads, [&](int t) {
    auto [from, to] = share(columns, 16, threads, t);
    kernels().column_sums(floats(a), stride, terms, floats(out), from, to);
  });
}

NB_MODULE(_native, m) {
  m.def("isas", [] {
    std::vector<std::string> names;
    for (const char *name : isas()) names.push_back(name);
    return names;
  });
  m.def("isa", [] { return std::string(kernels().name); });
  m.def("select_isa", [](const std::string &name) { return select_isa(name.c_str()); });
  m.def("ops", [] { return std::vector<std::string>(OP_NAMES, OP_NAMES + OPS); });
  m.def("team", [](Address parallel, Address number) {
    team(reinterpret_cast<void *>(parallel), reinterpret_cast<void *>(number));
  });
  m.def("elementwise", [](int32_t op, Address x, Address y, int64_t n, float k0, float k1) {
    kernels().elementwise(op, floats(x), floats(y), n, k0, k1);
  });
  m.def("multiply", &multiply);
  m.def("outer", &outer);
  m.def("column_sums", &column_sums);
  nb::class_<Shape>(m, "Shape").def(nb::init<std::vector<StageShape>, std::vector<Ints>>()).def("run", &run);
}
