// What the core knows of a cell, and what one run of it is given.
//
// Letters as everywhere: T steps, B sequences, F features, H hidden units, P projected units; N rows, one for
// each step of each sequence. Rows stand step by step. Where sequences have lengths, they stand in order of
// falling length, and step p has only the rows of those that are still running. Arrays of the core's own have
// their widths rounded up to 16 floats; the caller's are as wide as they are ("narrow").
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace hiddenstate {

constexpr int LANES = 16;

inline int64_t rounded_up(int64_t width) { return (width + LANES - 1) / LANES * LANES; }

// --- a cell, as derive/encoded.py tells it ---

// Widths are numbers of letters until a run brings their sizes.
enum Letter : int32_t { H, P, F, LETTERS };

enum class Kind : int32_t {
  INPUT, // a block of a product of x, made for all steps before the loop
  STATE, // a state before the step
  NEXT,  // and after it
  OUTPUT,
  KEPT,   // a value that the caller wants to see of every step
  VECTOR, // a parameter, one number for each unit
  MASK,
  TAPE,      // left by every step for the way back
  DEVIATION, // 1 / standard deviation of a row, left for the way back
  VALUE,     // passed from stage to stage within a step
  SLOT,      // made by a product just before the code of a tile runs
  ADJOINT,   // of a state after the step
  BACK,      // and before it
  ADJOINT_OUTPUT,
  WISH,  // adjoint of a kept value
  DELTA, // adjoint of a block of a product
  SUM,   // adjoint of a vector, to be summed over rows and steps
  X,
  HOIST // made from x alone, for some steps at once before the loop comes to them
};

struct BufferShape {
  Kind kind;
  int32_t index, width;
};

struct Instruction {
  int32_t op, out, a, b, c, buffer;
  float k0, k1;
};

struct MatrixShape {
  int32_t weight, bias;  // numbers of parameters; bias -1 where there is none
  int32_t height, inner; // letters: rows of a block, and columns
  int32_t blocks;
};

// Rows [first, first + blocks) x height of a matrix. Forwards: one source, a target for each block. Back: a
// source for each block, and one target.
struct ProductShape {
  std::vector<int32_t> sources, targets;
  int32_t matrix, first;
  bool back;
  int32_t inner, width; // letters: length of the dot product of one source; units of a target
};

struct NormShape {
  int32_t source, target, deviation, width;
  int32_t row; // the normalised row, on the way back; -1 forwards
};

struct Code {
  int32_t width, registers;
  int32_t printed; // number of the printed function that does the same, or -1
  std::vector<Instruction> instructions;
};

struct Stage {
  bool whole; // row work is completed for whole rows before any code runs: there are norms
  std::vector<ProductShape> products;
  std::vector<NormShape> norms;
  std::vector<Code> codes;
};

struct Half {
  std::vector<BufferShape> buffers;
  std::vector<Stage> stages;
  std::vector<Code> head;      // what depends on x alone, where a step only adds and multiplies after it
  std::vector<int32_t> linear; // then a step may be next = a * state + b: a, b, state, and where next goes
  std::vector<std::pair<int32_t, int32_t>>
      swaps; // buffers of one row a sequence that are exchanged after a step
};

// --- one run ---

enum class Place : int32_t {
  BY_STEP,   // [N, width]: row first[p] + r
  PREVIOUS,  // the same, one step earlier; at step 0 row r of `other`
  BY_ROW,    // [B, width]: row r
  VECTOR,    // [width]: the same for every row
  SLOT,      // number `stride` among the slots
  ROW_SCALAR // [N]: one number for each row of each step
};

struct Buffer {
  Place place;
  float *data;
  int64_t stride; // floats from row to row
  const float *other = nullptr;
  int64_t narrow = 0; // its exact width where a row may not be touched beyond it, else 0
};

// A product with its weights laid out for the kernels: panel[k * 16 + u] is what term k contributes to unit
// u. Panels stand by tile of 16 units, then block (forwards) or source (back).
struct Packed {
  int64_t blocks, inner, width;
  bool back;
  const float *panels;
  const float *bias; // one for each unit of each block, or null
};

struct Rows {
  const int64_t *count; // rows of each step
  const int64_t *first; // and where they begin
  int64_t steps;
};

// A product of x that is made some steps at a time, so that its rows are still near when the loop reads them.
struct InputProduct {
  Packed packed;
  int64_t number; // of its first block among the inputs
};

struct Program {
  const Half *half;
  const int64_t *sizes; // of the letters
  std::vector<Buffer> buffers;
  std::vector<Packed> products; // those of all stages, in their order
  std::vector<InputProduct> inputs;
  Buffer x;
  int64_t chunk = 0; // rows of x that are multiplied at once; 0 where somebody else does it
};

// Ends a long run early: the calling thread asks every so many steps, all threads see the answer.
struct Watch {
  bool (*ask)(); // null where nobody can interrupt
  int64_t steps = 1;
  std::atomic<bool> stopped{false};
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

// The text of the code that each printed function does the work of; see derive/printed.py.
extern const char *const PRINTED_TEXTS[];
extern const size_t PRINTED_COUNT;

// a [K, M] and x [K, N]: one piece of a sum over rows
struct Piece {
  const float *a, *x;
  int64_t a_stride, x_stride, K;
};

// One instruction set's functions.
struct Kernels {
  const char *name;
  // panels of `product`, from its first row of weights [.., stride]; how many floats they are: panel_floats()
  void (*pack)(const Packed &product, const float *weight, int64_t stride, float *panels);
  // all steps of rows [from, to) of the batch, forwards or back in time; `room` is the scratch, then that for
  // the inputs of one chunk
  void (*run)(const Program &, const Rows &, bool back, int64_t from, int64_t to, float *room, Watch &);
  // inputs and head of rows [from, to) of all steps, where the program has a head
  void (*ahead)(const Program &, int64_t from, int64_t to, float *scratch);
  // the linear recurrence that is left then, through steps [p, until) of sequences [from, to)
  void (*linear)(const Program &, const Rows &, int64_t p, int64_t until, int64_t from, int64_t to);
  // a single step of all rows of a program's own buffers, which it exchanges; see scratch_floats()
  void (*step)(Program &, int64_t rows, float *scratch);
  // out [rows, blocks x out_block] = sources . panels (+ bias), for rows [from, to)
  void (*multiply)(const Packed &, const float *const *sources, const int64_t *strides, float *out,
                   int64_t out_stride, int64_t out_block, bool narrow, int64_t from, int64_t to);
  // out [M, N] = sum over pieces and k of a[k, m] x[k, n], rows m in [from, to)
  void (*outer)(const std::vector<Piece> &, int64_t N, float *out, int64_t out_stride, int64_t from,
                int64_t to);
  // sums over rows of [K, columns], columns [from, to) in whole tiles
  void (*column_sums)(const float *a, int64_t stride, int64_t K, float *out, int64_t from, int64_t to);
  void (*elementwise)(int32_t op, const float *x, float *y, int64_t n, float k0, float k1);
};
const Kernels *kernels_scalar();
const Kernels *kernels_avx2();
const Kernels *kernels_avx512();

// The most rows and vectors of a block, and the floats that its registers and slots take.
constexpr int MOST_BLOCK_ROWS = 36;
constexpr int MOST_BLOCK = 4 * MOST_BLOCK_ROWS * LANES;
int64_t most_registers(const Half &);
int64_t scratch_floats(const Half &);

inline int64_t panel_floats(const Packed &p) { return rounded_up(p.width) * p.blocks * p.inner; }

// The best set that this processor has, or the one that select_isa() was told.
const Kernels &kernels();
std::vector<const char *> isas();
bool select_isa(const char *name);

// work(t) for t in [0, threads), at once, share 0 on the caller's thread; what a share throws comes to the
// caller. On the team that team() was told of, else on threads of our own. Which thread has a share, and how
// many there are, changes no result.
void parallel(int threads, void (*work)(void *, int), void *context);

// GOMP_parallel, omp_get_thread_num and omp_get_num_threads, as torch has them.
struct Team {
  void (*parallel)(void (*)(void *), void *, unsigned, unsigned);
  int (*number)();
  int (*count)();
};
void team(const Team &);

template <class F> void on_threads(int threads, F &&work) {
  parallel(
      threads, [](void *context, int t) { (*static_cast<std::remove_reference_t<F> *>(context))(t); }, &work);
}

// A share of [0, count) in whole units of `grain`, as even as it can be.
inline std::pair<int64_t, int64_t> share(int64_t count, int64_t grain, int threads, int t) {
  const int64_t units = (count + grain - 1) / grain;
  const int64_t from = units * t / threads * grain, to = units * (t + 1) / threads * grain;
  return {from < count ? from : count, to < count ? to : count};
}

} // namespace hiddenstate
