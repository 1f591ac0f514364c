// Layers that are fed step by step: weights are packed once, and a step allocates nothing.
#pragma once
#include "cell.h"
#include <memory>

namespace hiddenstate {

class Stream {
public:
  explicit Stream(int64_t batch_) : batch(batch_) {}
  // A layer on top of those there are; `parameters` are copied, `states` [B, width] are where it begins.
  void add(std::shared_ptr<const CellShape>, const int64_t *sizes,
           const std::vector<const float *> &parameters, const std::vector<const float *> &states);
  // x [steps, B, F] to out [steps, B, width of the last layer]
  void feed(const float *x, int64_t steps, float *out);
  std::pair<int64_t, int64_t> rows() const; // floats of a step of x, and of the output
  int64_t fed() const { return taken; }     // steps so far
  int64_t terms() const { return total; }   // of the products of one step: what it costs
  // one state of one layer [B, width], read or written
  void state(size_t layer, size_t number, float *out) const;
  void set_state(size_t layer, size_t number, const float *given);

private:
  struct Layer;
  std::vector<std::shared_ptr<Layer>> layers;
  int64_t batch, total = 0, taken = 0;
};

} // namespace hiddenstate
