// A call laid out for the time loop: which row is which, where each buffer lies, what runs on which thread.
#pragma once
#include "cell.h"
#include <algorithm>
#include <memory>

namespace hiddenstate {

// Memory for one call at a time, kept for the next one.
class Workspace {
public:
  float *take(int64_t floats);
  void give_back(); // all that was taken
private:
  struct Free {
    void operator()(float *p) const;
  };
  std::vector<std::pair<std::unique_ptr<float[], Free>, int64_t>> chunks;
  size_t chunk = 0;
  int64_t used = 0;
};

// This thread's; what was borrowed from it goes back at the end of the call.
Workspace &workspace();
struct Borrowed {
  ~Borrowed() { workspace().give_back(); }
};

// Which row is which: row first[p] + r is step p of the r-th sequence in `order`, and row place[n] of the
// caller's.
struct Layout {
  std::vector<int64_t> count, first, order, place;
  int64_t steps, N;
  bool packed; // by falling length; else rows are the caller's

  explicit Layout(const Call &call);

  int64_t sequence(int64_t r) const { return packed ? order[size_t(r)] : r; }
  Rows rows() const { return {count.data(), first.data(), steps}; }
};

// Buffers and panels of one run, and its way through the threads.
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
    return {Place::BY_STEP, workspace().take(layout.N * wide(letter)), wide(letter)};
  }
  Buffer by_row(int32_t letter) {
    return {Place::BY_ROW, workspace().take(call.B * wide(letter)), wide(letter)};
  }

  // Values of every step as the caller has them or, packed, in a copy of ours.
  Buffer of_steps(const float *given, int64_t width) {
    if (!layout.packed) return {Place::BY_STEP, const_cast<float *>(given), width, nullptr, width};
    const int64_t stride = rounded_up(width);
    float *own = workspace().take(layout.N * stride);
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
    float *own = workspace().take(call.B * stride);
    copy_sequences(given, own, width);
    return {Place::BY_ROW, own, stride};
  }
  void copy_sequences(const float *given, float *own, int64_t width) const {
    for (int64_t r = 0; r < call.B; r++)
      std::copy_n(given + layout.sequence(r) * width, width, own + r * rounded_up(width));
  }

  Buffer constant(float value, int32_t letter) {
    float *data = workspace().take(wide(letter));
    std::fill(data, data + wide(letter), value);
    return {Place::VECTOR, data, 0};
  }

  void leaves();

  // See tape_floats() for its parts.
  void lay_tape(const std::vector<float *> &parts);

  Packed packed(const MatrixShape &matrix, int32_t first, int64_t blocks, bool back);

  void place_buffers();

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
  bool run_scan();

  bool run(bool back);
};

} // namespace hiddenstate
