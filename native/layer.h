// What a call to the core is given. Nothing here owns memory; every pointer belongs to the caller.
//
// Letters as everywhere: T steps, B sequences, F features, H hidden units, P projected units. Rows are
// packed: the sequences stand in order of falling length, step p has rows[p] of them, and row r of step p is
// row first[p] + r of every [N, width] array, N the sum of all rows. Widths in memory are rounded up to 16.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hiddenstate {

// Where a value of a tile program lives.
enum Place : int64_t {
  BY_STEP,   // [N, width]: row first[p] + r
  PREVIOUS,  // the same, one step earlier; at step 0 row r of `other` [B, width]
  BY_ROW,    // [B, width]: row r
  VECTOR,    // [width]: the same for every row
  SCRATCH,   // made by row work just before the code runs; `data` is the number of the slot
  ROW_SCALAR // [N, 1]: one number for each row of each step
};

struct Buffer {
  int64_t place;
  float *data;
  int64_t stride; // floats from row to row
  const float *other;
};

struct Instruction {
  int32_t op, out, a, b, c, buffer;
  float k0, k1;
};

// A matrix product that fills SCRATCH slots (or whole BY_ROW buffers, where `whole` is set): one target for
// each block, summed over the sources. Panels are packed by pack().
struct Product {
  std::vector<int32_t> sources; // buffers
  std::vector<int32_t> targets; // buffers
  int32_t inner;                // length of the dot product of one source
  int32_t width;                // units of a target
  const float *weight;          // row-major
  int64_t weight_stride;
  const float *bias; // one for each unit of each block, or null
  bool back;         // sources are blocks of rows of the matrix, the target is its columns
  std::vector<float> panels;
};

struct Norm {
  int32_t source, target, deviation, width;
  int32_t row; // the normalised row, for the way back; -1 on the way forward
};

struct Code {
  int32_t width, registers;
  std::vector<Instruction> instructions;
};

struct Stage {
  bool whole; // row work is completed for whole rows before any code runs: there are norms
  std::vector<Product> products;
  std::vector<Norm> norms;
  std::vector<Code> codes;
};

struct Program {
  std::vector<Stage> stages;
  std::vector<Buffer> buffers;
  std::vector<std::pair<int32_t, int32_t>> swaps; // BY_ROW buffers exchanged after every step
};

struct Rows {
  const int64_t *count; // rows of each step
  const int64_t *first; // and where they begin
  int64_t steps;
};

enum Op : int32_t {
  LOAD,
  STORE,
  CONST,
  ADD,
  SUB,
  MUL,
  DIV,
  MAX,
  SELECT,
  EXP,
  LOG,
  SIGMOID,
  TANH,
  RELU,
  LEAKY_RELU,
  ELU,
  SOFTPLUS,
  SOFTSIGN,
  HARD_SIGMOID,
  SILU,
  GELU,
  NORMAL_CDF,
  IDENTITY,
  SIN,
  COS,
  AFFINE,
  THRESHOLDED_RELU,
  SCALED_TANH,
  OPS
};
extern const char *const OP_NAMES[OPS];

// One instruction set's functions.
struct Kernels {
  const char *name;
  void (*pack)(Product &);
  // steps of [from, to) rows of the batch, forwards or backwards in time
  void (*run)(const Program &, const Rows &, bool backwards, int64_t from, int64_t to);
  // out [M, N] = sum over sources s of a[s] [M, K] panels: rows [from, to) of a packed product
  void (*multiply)(const Product &, const float *const *a, const int64_t *strides, float *out,
                   int64_t out_stride, int64_t from, int64_t to);
  // out [M, N] = sum over k of a[k, m] x[k, n], columns m in [from, to)
  void (*outer)(const float *a, int64_t a_stride, const float *x, int64_t x_stride, int64_t K, int64_t N,
                float *out, int64_t out_stride, int64_t from, int64_t to);
  void (*column_sums)(const float *a, int64_t stride, int64_t K, float *out, int64_t from, int64_t to);
  void (*elementwise)(int32_t op, const float *x, float *y, int64_t n, float k0, float k1);
};
const Kernels *kernels_scalar();
const Kernels *kernels_avx2();
const Kernels *kernels_avx512();

// The best set that this processor has, or what select_isa() was told.
const Kernels &kernels();
std::vector<const char *> isas();
bool select_isa(const char *name);

// work(t) for t in [0, threads), at once; on torch's own team where team() was given its GOMP_parallel.
void parallel(int threads, void (*work)(void *, int), void *context);
void team(void *gomp_parallel, void *omp_get_thread_num);

} // namespace hiddenstate
