#include "cell.h"
#include <algorithm>
#include <new>
#include <numeric>

namespace hiddenstate {

#define PRINTED(function, code) code,
const char *const PRINTED_TEXTS[] = {
#include "printed/table.h"
};
#undef PRINTED
const size_t PRINTED_COUNT = sizeof PRINTED_TEXTS / sizeof *PRINTED_TEXTS;

int64_t most_registers(const Half &half) {
  int64_t most = 0;
  for (const Stage &stage : half.stages)
    for (const Code &code : stage.codes) most = std::max<int64_t>(most, code.registers);
  for (const Code &code : half.head) most = std::max<int64_t>(most, code.registers);
  return most;
}

int64_t scratch_floats(const Half &half) {
  int64_t slots = 0;
  for (const BufferShape &buffer : half.buffers)
    if (buffer.kind == Kind::SLOT) slots = std::max<int64_t>(slots, buffer.index + 1);
  return (most_registers(half) + slots) * MOST_BLOCK;
}

// --- memory ---

void Workspace::Free::operator()(float *p) const { ::operator delete[](p, std::align_val_t(64)); }

float *Workspace::take(int64_t floats) {
  floats = rounded_up(std::max<int64_t>(floats, 1));
  while (chunk < chunks.size() && used + floats > chunks[chunk].second) chunk++, used = 0;
  if (chunk == chunks.size()) {
    const int64_t size = std::max<int64_t>(floats, 1 << 18);
    auto *fresh = static_cast<float *>(::operator new[](size_t(size) * sizeof(float), std::align_val_t(64)));
    chunks.emplace_back(std::unique_ptr<float[], Free>(fresh), size);
  }
  float *found = chunks[chunk].first.get() + used;
  used += floats;
  return found;
}

void Workspace::give_back() {
  constexpr int64_t KEPT = 1 << 26; // 256 MiB: more than that is not worth keeping
  int64_t total = 0;
  for (const auto &each : chunks) total += each.second;
  if (total > KEPT) chunks.clear();
  chunk = 0, used = 0;
}

static thread_local Workspace workspace;
struct Borrowed {
  ~Borrowed() { workspace.give_back(); }
};

// --- rows ---

// Which row is which: row first[p] + r is step p of the r-th sequence in `order`, and row place[n] of the
// caller's.
struct Layout {
  std::vector<int64_t> count, first, order, place;
  int64_t steps, N;
  bool packed; // by falling length; else rows are the caller's

  Layout(const Call &call) : packed(call.lengths != nullptr) {
    const int64_t T = call.T, B = call.B;
    if (!packed) {
      steps = B ? T : 0, N = steps * B;
      count.assign(size_t(steps), B), first.resize(size_t(steps));
      for (int64_t p = 0; p < steps; p++) first[size_t(p)] = (call.reverse ? T - 1 - p : p) * B;
      return;
    }
    order.resize(size_t(B));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return call.lengths[a] > call.lengths[b]; });
    steps = B ? call.lengths[order[0]] : 0, N = 0;
    int64_t running = B;
    for (int64_t p = 0; p < steps; p++) {
      while (running && call.lengths[order[size_t(running - 1)]] <= p) running--;
      count.push_back(running), first.push_back(N);
      for (int64_t r = 0; r < running; r++) {
        const int64_t b = order[size_t(r)];
        place.push_back((call.reverse ? call.lengths[b] - 1 - p : p) * B + b);
      }
      N += running;
    }
  }

  int64_t sequence(int64_t r) const { return packed ? order[size_t(r)] : r; }
  Rows rows() const { return {count.data(), first.data(), steps}; }
};

static void copy_rows(const float *from, int64_t from_stride, float *to, int64_t to_stride, int64_t rows,
                      int64_t width) {
  for (int64_t r = 0; r < rows; r++) std::copy_n(from + r * from_stride, width, to + r * to_stride);
}

// --- a run's buffers ---

struct Setup {
  const CellShape &cell;
  const Call &call;
  Layout layout;
  Program program;
  std::vector<Buffer> inputs, states, nexts, kept, vectors, masks, tape, deviations, adjoints, backs, wishes,
      deltas, sums;
  Buffer output{}, adjoint{};

  Setup(const CellShape &cell_, const Call &call_, const Half &half)
      : cell(cell_), call(call_), layout(call_) {
    program.half = &half, program.sizes = call.sizes;
  }

  int64_t size(int32_t letter) const { return call.sizes[letter]; }
  int64_t wide(int32_t letter) const { return rounded_up(size(letter)); }
  Rows rows() const { return layout.rows(); }

  Buffer by_step(int32_t letter) {
    return {Place::BY_STEP, workspace.take(layout.N * wide(letter)), wide(letter)};
  }
  Buffer by_row(int32_t letter) {
    return {Place::BY_ROW, workspace.take(call.B * wide(letter)), wide(letter)};
  }

  // Values of every step as the caller has them or, packed, in a copy of ours.
  Buffer of_steps(const float *given, int64_t width) {
    if (!layout.packed) return {Place::BY_STEP, const_cast<float *>(given), width, nullptr, width};
    const int64_t stride = rounded_up(width);
    float *own = workspace.take(layout.N * stride);
    for (int64_t n = 0; n < layout.N; n++)
      std::copy_n(given + layout.place[size_t(n)] * width, width, own + n * stride);
    return {Place::BY_STEP, own, stride};
  }

  // The same, to be written: unpack() brings it to the caller.
  Buffer to_steps(float *out, int32_t letter) {
    if (layout.packed) return by_step(letter);
    return {Place::BY_STEP, out, size(letter), nullptr, size(letter)};
  }
  void unpack(const Buffer &from, float *out, int64_t width) const {
    if (!layout.packed) return;
    std::fill_n(out, call.T * call.B * width, 0.0f);
    for (int64_t n = 0; n < layout.N; n++)
      std::copy_n(from.data + n * from.stride, width, out + layout.place[size_t(n)] * width);
  }

  Buffer of_sequences(const float *given, int64_t width) {
    if (!layout.packed) return {Place::BY_ROW, const_cast<float *>(given), width, nullptr, width};
    const int64_t stride = rounded_up(width);
    float *own = workspace.take(call.B * stride);
    copy_sequences(given, own, width);
    return {Place::BY_ROW, own, stride};
  }
  void copy_sequences(const float *given, float *own, int64_t width) const {
    for (int64_t r = 0; r < call.B; r++)
      std::copy_n(given + layout.sequence(r) * width, width, own + r * rounded_up(width));
  }

  Buffer constant(float value, int32_t letter) {
    float *data = workspace.take(wide(letter));
    std::fill(data, data + wide(letter), value);
    return {Place::VECTOR, data, 0};
  }

  void leaves() {
    for (const VectorShape &v : cell.vectors)
      vectors.push_back({Place::VECTOR, const_cast<float *>(call.parameters[size_t(v.parameter)]), 0, nullptr,
                         size(v.width)});
    for (size_t m = 0; m < cell.masks.size(); m++) {
      const MaskShape &mask = cell.masks[m];
      if (call.masks.empty())
        masks.push_back(constant(mask.mean, mask.width));
      else if (mask.per_step)
        masks.push_back(of_steps(call.masks[m], size(mask.width)));
      else
        masks.push_back(of_sequences(call.masks[m], size(mask.width)));
    }
  }

  // See tape_floats() for its parts.
  void lay_tape(const std::vector<float *> &parts) {
    auto part = parts.begin();
    for (int32_t width : cell.states) {
      float *start = *part++, *path = start + call.B * wide(width);
      nexts.push_back({Place::BY_STEP, path, wide(width)});
      states.push_back({Place::PREVIOUS, path, wide(width), start});
    }
    for (int32_t width : cell.tape) tape.push_back({Place::BY_STEP, *part++, wide(width)});
    for (int32_t d = 0; d < cell.deviations; d++) deviations.push_back({Place::ROW_SCALAR, *part++, 1});
  }

  Packed packed(const MatrixShape &matrix, int32_t first, int64_t blocks, bool back) {
    const int64_t height = size(matrix.height), inner = size(matrix.inner);
    Packed p{blocks, back ? height : inner, back ? inner : height, back, nullptr, nullptr};
    float *panels = workspace.take(panel_floats(p));
    kernels().pack(p, call.parameters[size_t(matrix.weight)] + first * height * inner, inner, panels);
    p.panels = panels;
    const float *bias = matrix.bias < 0 || back ? nullptr : call.parameters[size_t(matrix.bias)];
    p.bias = bias ? bias + first * height : nullptr;
    return p;
  }

  void place_buffers() {
    for (const BufferShape &shape : program.half->buffers) {
      const auto one_of = [&](const std::vector<Buffer> &list) { return list[size_t(shape.index)]; };
      switch (shape.kind) {
      case Kind::INPUT:
        program.buffers.push_back(one_of(inputs));
        break;
      case Kind::STATE:
        program.buffers.push_back(one_of(states));
        break;
      case Kind::NEXT:
        program.buffers.push_back(one_of(nexts));
        break;
      case Kind::OUTPUT:
        program.buffers.push_back(output);
        break;
      case Kind::KEPT:
        program.buffers.push_back(one_of(kept));
        break;
      case Kind::VECTOR:
        program.buffers.push_back(one_of(vectors));
        break;
      case Kind::MASK:
        program.buffers.push_back(one_of(masks));
        break;
      case Kind::TAPE:
        program.buffers.push_back(one_of(tape));
        break;
      case Kind::DEVIATION:
        program.buffers.push_back(one_of(deviations));
        break;
      case Kind::VALUE:
        program.buffers.push_back(by_row(shape.width));
        break;
      case Kind::SLOT:
        program.buffers.push_back({Place::SLOT, nullptr, shape.index});
        break;
      case Kind::ADJOINT:
        program.buffers.push_back(one_of(adjoints));
        break;
      case Kind::BACK:
        program.buffers.push_back(one_of(backs));
        break;
      case Kind::ADJOINT_OUTPUT:
        program.buffers.push_back(adjoint);
        break;
      case Kind::WISH:
        program.buffers.push_back(one_of(wishes));
        break;
      case Kind::DELTA:
        program.buffers.push_back(one_of(deltas));
        break;
      case Kind::SUM:
        program.buffers.push_back(one_of(sums));
        break;
      case Kind::HOIST:
        program.buffers.push_back({Place::BY_STEP, nullptr, 0});
        break;
      case Kind::X:
        break;
      }
    }
    for (const Stage &stage : program.half->stages)
      for (const ProductShape &shape : stage.products)
        program.products.push_back(packed(cell.matrices[size_t(shape.matrix)], shape.first,
                                          int64_t(shape.back ? shape.sources.size() : shape.targets.size()),
                                          shape.back));
  }

  // A thread for each share of work that is worth waking one: some hundred thousand terms.
  int threads(int64_t terms) const {
    return int(std::max<int64_t>(1, std::min<int64_t>(call.threads, terms / (1 << 19))));
  }

  // Work on [0, count) in units of `grain`, on several threads and in parts short enough for somebody who
  // interrupts. False where somebody did.
  template <class F> bool in_parts(int64_t count, int64_t grain, int64_t terms_of_one, F &&work) const {
    constexpr int64_t SOON = int64_t(1) << 32; // terms: less than a tenth of a second
    const int64_t part = std::max<int64_t>(1, SOON / std::max<int64_t>(1, terms_of_one) / grain) * grain;
    const int threads = this->threads(count * terms_of_one);
    Watch watch{call.interrupted};
    on_threads(threads, [&](int t) {
      const auto [from, to] = share(count, grain, threads, t);
      for (int64_t at = from; at < to && !watch.stopped; at += part) {
        work(at, std::min(to, at + part));
        if (watch.ask && watch.ask()) watch.stopped = true;
      }
    });
    return !watch.stopped;
  }

  int64_t terms_of_a_row() const {
    int64_t terms = 0;
    for (const MatrixShape &m : cell.matrices) terms += 4 * size(m.height) * size(m.inner);
    return terms;
  }

  // Where gates come from x alone, all but the recurrence is done for some steps at once, on all threads;
  // then the recurrence goes through them.
  bool run_scan() {
    constexpr int64_t NEAR = 1 << 17; // floats a thread that its second cache holds beside the weights
    const int count = threads(layout.N * terms_of_a_row());
    std::vector<std::pair<size_t, int64_t>> near; // buffers, and where they begin in a row of the room
    int64_t stride = 0;
    for (size_t b = 0; b < program.buffers.size(); b++) {
      const BufferShape &shape = program.half->buffers[b];
      if (shape.kind == Kind::HOIST) near.emplace_back(b, stride), stride += wide(shape.width);
    }
    for (const InputProduct &input : program.inputs) {
      const int64_t width = rounded_up(input.packed.width);
      for (size_t b = 0; b < program.buffers.size(); b++) {
        const BufferShape &shape = program.half->buffers[b];
        const int64_t block = shape.index - input.number;
        if (shape.kind == Kind::INPUT && block >= 0 && block < input.packed.blocks)
          near.emplace_back(b, stride + block * width);
      }
      stride += width * input.packed.blocks;
    }
    const int64_t most = layout.steps ? layout.count[0] : 1;
    const int64_t steps = std::max<int64_t>(1, count * NEAR / stride / most);
    float *room = workspace.take(steps * most * stride);
    const int64_t own = scratch_floats(*program.half);
    float *scratch = workspace.take(own * count);
    for (int64_t p = 0; p < layout.steps; p += steps) {
      const int64_t until = std::min(layout.steps, p + steps), last = until - 1;
      const int64_t begin = std::min(layout.first[size_t(p)], layout.first[size_t(last)]);
      const int64_t end = std::max(layout.first[size_t(p)] + layout.count[size_t(p)],
                                   layout.first[size_t(last)] + layout.count[size_t(last)]);
      for (const auto &[buffer, column] : near)
        program.buffers[buffer] = {Place::BY_STEP, room + column - begin * stride, stride};
      on_threads(count, [&](int t) {
        const auto [from, to] = share(end - begin, 12, count, t);
        kernels().ahead(program, begin + from, begin + to, scratch + t * own);
      });
      const int64_t running = layout.count[size_t(p)];
      const int sharing = int(std::min<int64_t>(count, running));
      on_threads(sharing, [&](int t) {
        const auto [from, to] = share(running, 1, sharing, t);
        kernels().linear(program, rows(), p, until, from, to);
      });
      if (call.interrupted && call.interrupted()) return false;
    }
    return true;
  }

  bool run(bool back) {
    const int64_t B = layout.steps ? layout.count[0] : 0;
    const int threads = int(std::min<int64_t>(this->threads(layout.N * terms_of_a_row()), (B + 3) / 4));
    if (!program.half->linear.empty()) return run_scan();
    constexpr int64_t OFTEN = 1 << 20; // terms between two questions: some ten microseconds
    Watch watch{call.interrupted, std::max<int64_t>(1, OFTEN / std::max<int64_t>(1, B * terms_of_a_row()))};
    int64_t floats = scratch_floats(*program.half); // and of what is made for a chunk of steps
    for (const InputProduct &input : program.inputs)
      floats += program.chunk * rounded_up(input.packed.width) * input.packed.blocks;
    float *room = workspace.take(floats * std::max(1, threads));
    on_threads(std::max(1, threads), [&](int t) {
      const auto [from, to] = share(B, 1, std::max(1, threads), t);
      kernels().run(program, rows(), back, from, to, room + t * floats, watch);
    });
    return !watch.stopped;
  }
};

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
      s.deviations.push_back({Place::ROW_SCALAR, workspace.take(s.layout.N), 1});
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
  float *before = workspace.take((layout.N - running) * stride);
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
        sums = workspace.take(wide);
        kernels().column_sums(delta.data, delta.stride, layout.N, sums, 0, wide);
      }
      std::copy_n(sums, height, dparameters[size_t(matrix.bias)] + row);
    }
  }
  for (size_t v = 0; v < s.cell.vectors.size(); v++) {
    const VectorShape &vector = s.cell.vectors[v];
    float *sums = workspace.take(s.wide(vector.width));
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
