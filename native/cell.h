// A cell that can be run: its programs, and the laying out of a call's arrays for them.
#pragma once
#include "layer.h"

namespace hiddenstate {

struct MaskShape {
  int32_t width;
  bool per_step;
  float mean;
};
struct VectorShape {
  int32_t parameter, width;
};
// A product of x: rows [first, first + blocks) x height of a matrix, blocks numbered on from `number`.
struct InputShape {
  int32_t matrix, first, blocks, number;
};
// What the gradient of some rows of a matrix is summed from: the adjoints of its blocks, and what it read.
struct GradientShape {
  int32_t matrix, first;
  std::vector<int32_t> deltas;
  Kind operand;
  int32_t index;
};

struct CellShape {
  std::vector<MatrixShape> matrices;
  std::vector<int32_t> states;
  std::vector<MaskShape> masks;
  std::vector<VectorShape> vectors;
  std::vector<InputShape> inputs;
  std::vector<GradientShape> gradients;
  int32_t output;
  std::vector<int32_t> kept, tape; // widths
  int32_t deviations;
  std::vector<int32_t> deltas; // widths
  Half plain, taped, back;
};

// The caller's arrays. x [T, B, F] with rows of F floats; states [B, width]; masks [T, B, width] or [B,
// width], none at all or one for each of the cell's; lengths [B] or null; all without gaps.
struct Call {
  int64_t T, B;
  int64_t sizes[LETTERS];
  const float *x;
  const int64_t *lengths;
  bool reverse;
  std::vector<const float *> states, parameters, masks; // a parameter that is not there is null
  int threads;
  bool (*interrupted)(); // asked now and then; null where nobody can interrupt
};

// Floats of each part of a call's tape: the path of each state with its first value in front, values,
// deviations.
std::vector<int64_t> tape_floats(const CellShape &, const int64_t *sizes, int64_t T, int64_t B);

// outputs: the output [T, B, width], the last states [B, width], the kept values [T, B, width]. With a tape
// the taped program runs. False where the run was interrupted.
bool forward(const CellShape &, const Call &, const std::vector<float *> &outputs,
             const std::vector<float *> &tape);

// grads: of all outputs, null for zero. dx [T, B, F] may be null; dparameters are null where there is no
// parameter.
bool backward(const CellShape &, const Call &, const std::vector<float *> &tape,
              const std::vector<const float *> &grads, float *dx, const std::vector<float *> &dstates,
              const std::vector<float *> &dparameters);

} // namespace hiddenstate
