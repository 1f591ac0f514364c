#include "setup.h"
#include <new>
#include <numeric>

namespace hiddenstate {

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

Workspace &workspace() {
  static thread_local Workspace own;
  return own;
}

// --- rows ---

Layout::Layout(const Call &call) : packed(call.lengths != nullptr) {
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

// --- a run's buffers ---

void Setup::leaves() {
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

void Setup::lay_tape(const std::vector<float *> &parts) {
  auto part = parts.begin();
  for (int32_t width : cell.states) {
    float *start = *part++, *path = start + call.B * wide(width);
    nexts.push_back({Place::BY_STEP, path, wide(width)});
    states.push_back({Place::PREVIOUS, path, wide(width), start});
  }
  for (int32_t width : cell.tape) tape.push_back({Place::BY_STEP, *part++, wide(width)});
  for (int32_t d = 0; d < cell.deviations; d++) deviations.push_back({Place::ROW_SCALAR, *part++, 1});
}

Packed Setup::packed(const MatrixShape &matrix, int32_t first, int64_t blocks, bool back) {
  const int64_t height = size(matrix.height), inner = size(matrix.inner);
  Packed p{blocks, back ? height : inner, back ? inner : height, back, nullptr, nullptr};
  float *panels = workspace().take(panel_floats(p));
  kernels().pack(p, call.parameters[size_t(matrix.weight)] + first * height * inner, inner, panels);
  p.panels = panels;
  const float *bias = matrix.bias < 0 || back ? nullptr : call.parameters[size_t(matrix.bias)];
  p.bias = bias ? bias + first * height : nullptr;
  return p;
}

void Setup::place_buffers() {
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

bool Setup::run_scan() {
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
  float *room = workspace().take(steps * most * stride);
  const int64_t own = scratch_floats(*program.half);
  float *scratch = workspace().take(own * count);
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

bool Setup::run(bool back) {
  const int64_t B = layout.steps ? layout.count[0] : 0;
  const int threads = int(std::min<int64_t>(this->threads(layout.N * terms_of_a_row()), (B + 3) / 4));
  if (!program.half->linear.empty()) return run_scan();
  constexpr int64_t OFTEN = 1 << 20; // terms between two questions: some ten microseconds
  Watch watch{call.interrupted, std::max<int64_t>(1, OFTEN / std::max<int64_t>(1, B * terms_of_a_row()))};
  int64_t floats = scratch_floats(*program.half); // and of what is made for a chunk of steps
  for (const InputProduct &input : program.inputs)
    floats += program.chunk * rounded_up(input.packed.width) * input.packed.blocks;
  float *room = workspace().take(floats * std::max(1, threads));
  on_threads(std::max(1, threads), [&](int t) {
    const auto [from, to] = share(B, 1, std::max(1, threads), t);
    kernels().run(program, rows(), back, from, to, room + t * floats, watch);
  });
  return !watch.stopped;
}

} // namespace hiddenstate
