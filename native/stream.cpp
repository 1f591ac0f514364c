#include "stream.h"
#include <algorithm>
#include <array>

namespace hiddenstate {

struct Stream::Layer {
  std::shared_ptr<const CellShape> cell;
  std::array<int64_t, LETTERS> sizes;
  std::vector<std::vector<float>> memory; // all that buffers and panels point to
  Program program;
  std::vector<Packed> inputs; // beside cell->inputs
  std::vector<float *> input_data;
  std::vector<int32_t> state_buffers; // numbers of the buffers that hold the states
  float *output = nullptr;
  float *scratch = nullptr;

  float *take(int64_t floats, float value = 0) {
    memory.emplace_back(size_t(rounded_up(std::max<int64_t>(floats, 1)) + LANES), value);
    float *begin = memory.back().data(); // moved up to where a cache line begins
    return begin + (64 - reinterpret_cast<uintptr_t>(begin) % 64) % 64 / sizeof(float);
  }
  int64_t size(int32_t letter) const { return sizes[size_t(letter)]; }
  int64_t wide(int32_t letter) const { return rounded_up(size(letter)); }

  Packed packed(const std::vector<const float *> &parameters, int32_t number, int32_t first, int64_t blocks) {
    const MatrixShape &matrix = cell->matrices[size_t(number)];
    const int64_t height = size(matrix.height), inner = size(matrix.inner);
    Packed p{blocks, inner, height, false, nullptr, nullptr};
    float *panels = take(panel_floats(p));
    kernels().pack(p, parameters[size_t(matrix.weight)] + first * height * inner, inner, panels);
    p.panels = panels;
    if (const float *bias = matrix.bias < 0 ? nullptr : parameters[size_t(matrix.bias)]) {
      float *own = take(blocks * height);
      std::copy(bias + first * height, bias + (first + blocks) * height, own);
      p.bias = own;
    }
    return p;
  }
};

void Stream::add(std::shared_ptr<const CellShape> cell, const int64_t *sizes,
                 const std::vector<const float *> &parameters, const std::vector<const float *> &states) {
  auto layer = std::make_shared<Layer>();
  Layer &l = *layer;
  l.cell = cell, l.program.half = &cell->plain;
  std::copy(sizes, sizes + LETTERS, l.sizes.begin());
  l.program.sizes = l.sizes.data();
  std::vector<Buffer> inputs;
  for (const InputShape &input : cell->inputs) {
    l.inputs.push_back(l.packed(parameters, input.matrix, input.first, input.blocks));
    const int64_t wide = l.wide(cell->matrices[size_t(input.matrix)].height);
    l.input_data.push_back(l.take(batch * wide * input.blocks));
    for (int32_t b = 0; b < input.blocks; b++)
      inputs.push_back({Place::BY_STEP, l.input_data.back() + b * wide, wide * input.blocks});
  }
  l.state_buffers.assign(states.size(), -1);
  for (const BufferShape &shape : cell->plain.buffers) {
    const size_t index = size_t(shape.index);
    const auto rows = [&] {
      return Buffer{Place::BY_ROW, l.take(batch * l.wide(shape.width)), l.wide(shape.width)};
    };
    Buffer buffer{};
    switch (shape.kind) {
    case Kind::INPUT:
      buffer = inputs[index];
      break;
    case Kind::STATE:
      l.state_buffers[index] = int32_t(l.program.buffers.size()), buffer = rows();
      break;
    case Kind::OUTPUT:
      buffer = rows(), l.output = buffer.data;
      break;
    case Kind::VECTOR: {
      float *own = l.take(l.wide(shape.width));
      const VectorShape &vector = cell->vectors[index];
      std::copy_n(parameters[size_t(vector.parameter)], l.size(vector.width), own);
      buffer = {Place::VECTOR, own, 0};
      break;
    }
    case Kind::MASK:
      buffer = {Place::VECTOR, l.take(l.wide(shape.width), cell->masks[index].mean), 0};
      break;
    case Kind::DEVIATION:
      buffer = {Place::ROW_SCALAR, l.take(batch), 1};
      break;
    case Kind::SLOT:
      buffer = {Place::SLOT, nullptr, shape.index};
      break;
    default:
      buffer = rows();
      break;
    }
    l.program.buffers.push_back(buffer);
  }
  for (const Stage &stage : cell->plain.stages)
    for (const ProductShape &p : stage.products)
      l.program.products.push_back(l.packed(parameters, p.matrix, p.first, int64_t(p.targets.size())));
  l.scratch = l.take(scratch_floats(cell->plain));
  for (const MatrixShape &matrix : cell->matrices)
    total += batch * matrix.blocks * l.size(matrix.height) * l.size(matrix.inner);
  layers.push_back(layer);
  for (size_t s = 0; s < states.size(); s++) set_state(layers.size() - 1, s, states[s]);
}

void Stream::feed(const float *x, int64_t steps, float *out) {
  const Layer &last = *layers.back();
  const int64_t width = last.size(last.cell->output), features = layers.front()->size(F);
  for (int64_t t = 0; t < steps; t++) {
    const float *from = x + t * batch * features;
    int64_t stride = features;
    for (const auto &layer : layers) {
      Layer &l = *layer;
      for (size_t i = 0; i < l.inputs.size(); i++) {
        const int64_t wide = rounded_up(l.inputs[i].width);
        kernels().multiply(l.inputs[i], &from, &stride, l.input_data[i], wide * l.inputs[i].blocks, wide,
                           false, 0, batch);
      }
      kernels().step(l.program, batch, l.scratch);
      from = l.output, stride = l.wide(l.cell->output);
    }
    for (int64_t b = 0; b < batch; b++) std::copy_n(from + b * stride, width, out + (t * batch + b) * width);
  }
  taken += steps;
}

std::pair<int64_t, int64_t> Stream::rows() const {
  const Layer &last = *layers.back();
  return {batch * layers.front()->size(F), batch * last.size(last.cell->output)};
}

void Stream::state(size_t layer, size_t number, float *out) const {
  const Layer &l = *layers.at(layer);
  const int64_t width = l.size(l.cell->states.at(number)), stride = rounded_up(width);
  const float *own = l.program.buffers[size_t(l.state_buffers[number])].data;
  for (int64_t b = 0; b < batch; b++) std::copy_n(own + b * stride, width, out + b * width);
}

void Stream::set_state(size_t layer, size_t number, const float *given) {
  const Layer &l = *layers.at(layer);
  const int64_t width = l.size(l.cell->states.at(number)), stride = rounded_up(width);
  float *own = l.program.buffers[size_t(l.state_buffers[number])].data;
  for (int64_t b = 0; b < batch; b++) std::copy_n(given + b * width, width, own + b * stride);
}

} // namespace hiddenstate
