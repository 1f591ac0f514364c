#include "setup.h"

namespace hiddenstate {

#define PRINTED(function, code) code,
const char *const PRINTED_TEXTS[] = {
#include "printed/table.h"
};
#undef PRINTED
const size_t PRINTED_COUNT = sizeof PRINTED_TEXTS / sizeof *PRINTED_TEXTS;

static void copy_rows(const float *from, int64_t from_stride, float *to, int64_t to_stride, int64_t rows,
                      int64_t width) {
  for (int64_t r = 0; r < rows; r++) std::copy_n(from + r * from_stride, width, to + r * to_stride);
}

std::vector<int64_t> tape_floats(const CellShape &cell, const int64_t *sizes, int64_t T, int64_t B) {
  std::vector<int64_t> parts;
  for (int32_t width : cell.states) parts.push_back((B + T * B) * rounded_up(sizes[width]));
  for (int32_t width : cell.tape) parts.push_back(T * B * rounded_up(sizes[width]));
  parts.insert(parts.end(), size_t(cell.deviations), T * B);
  return parts;
}

// --- forwards ---

static void prepare_inputs(Setup &s) {
  constexpr int64_t NEAR = 3 << 16; // floats that the second cache holds beside the weights
  Program &program = s.program;
  program.x = s.of_steps(s.call.x, s.size(F));
  int64_t floats = 1;
  for (const InputShape &input : s.cell.inputs) {
    const MatrixShape &matrix = s.cell.matrices[size_t(input.matrix)];
    program.inputs.push_back({s.packed(matrix, input.first, input.blocks, false), input.number});
    floats += s.wide(matrix.height) * input.blocks;
    for (int32_t b = 0; b < input.blocks; b++) s.inputs.push_back({Place::BY_STEP, nullptr, 0});
  }
  program.chunk = s.layout.steps ? std::max(s.layout.count[0], std::min(s.layout.N, NEAR / floats)) : 1;
}

bool forward(const CellShape &cell, const Call &call, const std::vector<float *> &outputs,
             const std::vector<float *> &tape) {
  Borrowed borrowed;
  const bool taped = !tape.empty();
  Setup s(cell, call, taped ? cell.taped : cell.plain);
  s.leaves();
  prepare_inputs(s);
  const size_t states = cell.states.size();
  if (taped) {
    s.lay_tape(tape);
    for (size_t i = 0; i < states; i++)
      s.copy_sequences(call.states[i], const_cast<float *>(s.states[i].other), s.size(cell.states[i]));
  } else {
    for (size_t i = 0; i < states; i++) {
      s.states.push_back(s.by_row(cell.states[i])), s.nexts.push_back(s.by_row(cell.states[i]));
      s.copy_sequences(call.states[i], s.states[i].data, s.size(cell.states[i]));
    }
    for (int32_t d = 0; d < cell.deviations; d++)
      s.deviations.push_back({Place::ROW_SCALAR, workspace().take(s.layout.N), 1});
  }
  s.output = s.to_steps(outputs[0], cell.output);
  for (size_t k = 0; k < cell.kept.size(); k++)
    s.kept.push_back(s.to_steps(outputs[1 + states + k], cell.kept[k]));
  s.place_buffers();
  if (!s.run(false)) return false;
  s.unpack(s.output, outputs[0], s.size(cell.output));
  for (size_t k = 0; k < cell.kept.size(); k++)
    s.unpack(s.kept[k], outputs[1 + states + k], s.size(cell.kept[k]));
  const Layout &layout = s.layout;
  for (size_t i = 0; i < states; i++) {
    const int64_t width = s.size(cell.states[i]), stride = rounded_up(width);
    for (int64_t r = 0; r < call.B; r++) {
      const int64_t b = layout.sequence(r), length = call.lengths ? call.lengths[b] : layout.steps;
      const float *row;
      if (taped && length)
        row = s.nexts[i].data + (layout.first[size_t(length - 1)] + r) * stride;
      else if (taped)
        row = s.states[i].other + r * stride;
      else
        row =
            (length % 2 ? s.nexts[i] : s.states[i]).data + r * stride; // they are exchanged after every step
      std::copy_n(row, width, outputs[1 + i] + b * width);
    }
  }
  return true;
}

// --- back ---

// Rows of what a matrix read, beside the rows of its adjoint.
static std::vector<Piece> pieces_of(Setup &s, const GradientShape &g, const Buffer &delta, const Buffer &x) {
  const Layout &layout = s.layout;
  const auto piece = [&](int64_t row, const float *operand, int64_t stride, int64_t K) {
    return Piece{delta.data + row * delta.stride, operand, delta.stride, stride, K};
  };
  if (g.operand == Kind::X) return {piece(0, x.data, x.stride, layout.N)};
  if (g.operand == Kind::TAPE) {
    const Buffer &operand = s.tape[size_t(g.index)];
    return {piece(0, operand.data, operand.stride, layout.N)};
  }
  const Buffer &state = s.states[size_t(g.index)];
  const int64_t stride = state.stride, B = s.call.B, rest = layout.N - B;
  if (layout.steps == 0) return {};
  if (!layout.packed) {
    const Piece first = piece(layout.first[0], state.other, stride, B);
    return s.call.reverse ? std::vector<Piece>{first, piece(0, state.data + B * stride, stride, rest)}
                          : std::vector<Piece>{first, piece(B, state.data, stride, rest)};
  }
  const int64_t running = layout.count[0];
  float *before = workspace().take((layout.N - running) * stride);
  float *to = before;
  for (int64_t p = 1; p < layout.steps; to += layout.count[size_t(p)] * stride, p++)
    copy_rows(state.data + layout.first[size_t(p - 1)] * stride, stride, to, stride, layout.count[size_t(p)],
              stride);
  return {piece(0, state.other, stride, running), piece(running, before, stride, layout.N - running)};
}

// False where it was interrupted, as is that of x.
static bool gradients_of_weights(Setup &s, const Buffer &x, const std::vector<float *> &dparameters) {
  const Layout &layout = s.layout;
  std::vector<float *> bias_of(s.deltas.size(), nullptr); // of deltas whose sum is known
  for (const GradientShape &g : s.cell.gradients) {
    const MatrixShape &matrix = s.cell.matrices[size_t(g.matrix)];
    const int64_t height = s.size(matrix.height), inner = s.size(matrix.inner), wide = rounded_up(height);
    for (size_t k = 0; k < g.deltas.size(); k++) {
      const Buffer &delta = s.deltas[size_t(g.deltas[k])];
      const int64_t row = (g.first + int64_t(k)) * height;
      const std::vector<Piece> pieces = pieces_of(s, g, delta, x);
      float *out = dparameters[size_t(matrix.weight)] + row * inner;
      const bool whole = s.in_parts(height, 6, layout.N * inner, [&](int64_t from, int64_t to) {
        kernels().outer(pieces, inner, out, inner, from, to);
      });
      if (!whole) return false;
      if (matrix.bias < 0 || !dparameters[size_t(matrix.bias)]) continue;
      float *&sums = bias_of[size_t(g.deltas[k])];
      if (!sums) {
        sums = workspace().take(wide);
        kernels().column_sums(delta.data, delta.stride, layout.N, sums, 0, wide);
      }
      std::copy_n(sums, height, dparameters[size_t(matrix.bias)] + row);
    }
  }
  for (size_t v = 0; v < s.cell.vectors.size(); v++) {
    const VectorShape &vector = s.cell.vectors[v];
    float *sums = workspace().take(s.wide(vector.width));
    kernels().column_sums(s.sums[v].data, s.sums[v].stride, layout.N, sums, 0, s.wide(vector.width));
    std::copy_n(sums, s.size(vector.width), dparameters[size_t(vector.parameter)]);
  }
  return true;
}

static bool gradient_of_x(Setup &s, float *dx) {
  const Layout &layout = s.layout;
  const int64_t width = s.size(F);
  const Buffer out = s.to_steps(dx, F);
  if (!layout.packed && s.cell.inputs.empty()) std::fill_n(dx, s.call.T * s.call.B * width, 0.0f);
  std::vector<float> part;
  bool first = true;
  for (const GradientShape &g : s.cell.gradients) {
    if (g.operand != Kind::X) continue;
    const Packed packed =
        s.packed(s.cell.matrices[size_t(g.matrix)], g.first, int64_t(g.deltas.size()), true);
    std::vector<const float *> a;
    std::vector<int64_t> strides;
    for (int32_t d : g.deltas)
      a.push_back(s.deltas[size_t(d)].data), strides.push_back(s.deltas[size_t(d)].stride);
    if (!first) part.resize(size_t(layout.N * out.stride));
    float *to = first ? out.data : part.data();
    const int64_t terms = width * int64_t(g.deltas.size()) * packed.inner;
    const bool whole = s.in_parts(layout.N, 6, terms, [&](int64_t from, int64_t until) {
      kernels().multiply(packed, a.data(), strides.data(), to, out.stride, 0, true, from, until);
    });
    if (!whole) return false;
    if (!first)
      for (int64_t n = 0; n < layout.N; n++)
        for (int64_t f = 0; f < width; f++) out.data[n * out.stride + f] += part[size_t(n * out.stride + f)];
    first = false;
  }
  s.unpack(out, dx, width);
  return true;
}

bool backward(const CellShape &cell, const Call &call, const std::vector<float *> &tape,
              const std::vector<const float *> &grads, float *dx, const std::vector<float *> &dstates,
              const std::vector<float *> &dparameters) {
  Borrowed borrowed;
  Setup s(cell, call, cell.back);
  const size_t states = cell.states.size();
  for (const MatrixShape &m : cell.matrices) {
    const int64_t floats = s.size(m.height) * m.blocks;
    std::fill_n(dparameters[size_t(m.weight)], floats * s.size(m.inner), 0.0f);
    if (m.bias >= 0 && dparameters[size_t(m.bias)]) std::fill_n(dparameters[size_t(m.bias)], floats, 0.0f);
  }
  s.leaves();
  s.lay_tape(tape);
  const auto given = [&](const float *grad, int32_t width) {
    return grad ? s.of_steps(grad, s.size(width)) : s.constant(0, width);
  };
  s.adjoint = given(grads[0], cell.output);
  for (size_t k = 0; k < cell.kept.size(); k++)
    s.wishes.push_back(given(grads[1 + states + k], cell.kept[k]));
  for (size_t i = 0; i < states; i++) {
    const int64_t width = s.size(cell.states[i]);
    for (std::vector<Buffer> *list : {&s.adjoints, &s.backs}) {
      list->push_back(s.by_row(cell.states[i]));
      if (grads[1 + i])
        s.copy_sequences(grads[1 + i], list->back().data, width);
      else
        std::fill_n(list->back().data, call.B * rounded_up(width), 0.0f);
    }
  }
  for (int32_t width : cell.deltas) s.deltas.push_back(s.by_step(width));
  for (const VectorShape &v : cell.vectors) s.sums.push_back(s.by_step(v.width));
  s.place_buffers();
  if (!s.run(true)) return false;
  for (size_t i = 0; i < states; i++) {
    const int64_t width = s.size(cell.states[i]);
    const float *last = (s.layout.steps % 2 ? s.backs : s.adjoints)[i].data;
    for (int64_t r = 0; r < call.B; r++)
      std::copy_n(last + r * rounded_up(width), width, dstates[i] + s.layout.sequence(r) * width);
  }
  return gradients_of_weights(s, s.of_steps(call.x, s.size(F)), dparameters) && (!dx || gradient_of_x(s, dx));
}

} // namespace hiddenstate
