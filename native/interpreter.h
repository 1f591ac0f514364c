// The interpreter of tile programs: straight-line code over a block of rows x tiles that stays in the first
// cache.
#pragma once
#include "product.h"
#include "vector_math.h"

namespace hiddenstate {
namespace HIDDENSTATE_ISA {

INLINE V apply(int32_t op, V x, float k0, float k1) {
  switch (op) {
  case EXP:
    return exp(x);
  case LOG:
    return log(x);
  case SIGMOID:
    return sigmoid(x);
  case TANH:
    return tanh(x);
  case RELU:
    return where_nan(x, x, where_above(x, set1(0), x, set1(0)));
  case LEAKY_RELU:
    return where_above(x, set1(0), x, mul(set1(k0), x));
  case ELU:
    return where_above(x, set1(0), x, mul(set1(k0), exp_minus_one(x)));
  case SOFTPLUS:
    return softplus(x);
  case SOFTSIGN:
    return div(x, add(set1(1), magnitude(x)));
  case HARD_SIGMOID:
    return at_most(1, at_least(0, fma(set1(k0), x, set1(k1))));
  case SILU:
    return mul(at_least(-100, x), sigmoid(x)); // far left a sigmoid is not quite 0, which x may not magnify
  case GELU:
    return mul(x, normal_cdf(x));
  case NORMAL_CDF:
    return normal_cdf(x);
  case SIN:
    return sine(x, 0);
  case COS:
    return sine(x, 1);
  case AFFINE:
    return fma(set1(k0), x, set1(k1));
  case THRESHOLDED_RELU:
    return where_nan(x, x, where_above(x, set1(k0), x, set1(0)));
  case SCALED_TANH:
    return mul(set1(k0), tanh(mul(set1(k1), x)));
  default:
    return x;
  }
}

static void elementwise(int32_t op, const float *x, float *y, int64_t n, float k0, float k1) {
  for (int64_t i = 0; i + LANES <= n; i += LANES) store(y + i, apply(op, load(x + i), k0, k1));
  if (const int64_t rest = n % LANES; rest)
    store_some(y + n - rest, apply(op, load_some(x + n - rest, rest), k0, k1), rest);
}

// Where the rows of a buffer begin at one column, and how far apart they are.
struct At {
  float *data;
  int64_t stride;
};

struct Step {
  const Buffer *buffers;
  const Rows &rows;
  int64_t p;

  bool odd() const { return p & 1; }

  At at(const Buffer &buffer, int64_t row, int64_t column) const {
    switch (buffer.place) {
    case Place::BY_STEP:
      return {buffer.data + (rows.first[p] + row) * buffer.stride + column, buffer.stride};
    case Place::PREVIOUS:
      if (p == 0) return {const_cast<float *>(buffer.other) + row * buffer.stride + column, buffer.stride};
      return {buffer.data + (rows.first[p - 1] + row) * buffer.stride + column, buffer.stride};
    case Place::BY_ROW:
      return {buffer.data + row * buffer.stride + column, buffer.stride};
    case Place::ROW_SCALAR:
      return {buffer.data + rows.first[p] + row, 1};
    default:
      return {buffer.data + column, 0};
    }
  }
};

// Whole tiles of a buffer, for printed code.
struct Cursor {
  float *data;
  int64_t next_row, next_tile;

  V read(int tile, int row) const { return load(data + tile * next_tile + row * next_row); }
  void write(int tile, int row, V value) const { store(data + tile * next_tile + row * next_row, value); }
};

// A block of `rows` rows from `row` and `tiles` tiles from `tile`: what one pass of the code works on.
// Registers and slots are [number][tile][row][16].
struct Block {
  const Step &step;
  int64_t row, tile;
  int rows, tiles;
  const float *slots;

  int size() const { return rows * tiles * LANES; }

  Cursor cursor(int32_t number) const {
    const Buffer &buffer = step.buffers[number];
    if (buffer.place == Place::SLOT)
      return {const_cast<float *>(slots) + buffer.stride * size(), LANES, int64_t(rows) * LANES};
    const At at = step.at(buffer, row, tile * LANES);
    return {at.data, at.stride, LANES};
  }

  void read(int32_t number, float *d) const {
    const Buffer &buffer = step.buffers[number];
    if (buffer.place == Place::SLOT) {
      const float *slot = slots + buffer.stride * size();
      for (int i = 0; i < size(); i += LANES) store(d + i, load(slot + i));
      return;
    }
    if (buffer.place == Place::ROW_SCALAR) {
      const At at = step.at(buffer, row, 0);
      for (int g = 0; g < tiles; g++)
        for (int r = 0; r < rows; r++, d += LANES) store(d, set1(at.data[r]));
      return;
    }
    const At at = step.at(buffer, row, tile * LANES);
    for (int g = 0; g < tiles; g++) {
      const float *from = at.data + g * LANES;
      const int64_t units = buffer.narrow ? buffer.narrow - (tile + g) * LANES : LANES;
      if (units >= LANES)
        for (int r = 0; r < rows; r++, d += LANES) store(d, load(from + r * at.stride));
      else
        for (int r = 0; r < rows; r++, d += LANES) store(d, load_some(from + r * at.stride, units));
    }
  }

  void write(int32_t number, const float *a) const {
    const Buffer &buffer = step.buffers[number];
    const At at = step.at(buffer, row, tile * LANES);
    for (int g = 0; g < tiles; g++) {
      float *to = at.data + g * LANES;
      const int64_t units = buffer.narrow ? buffer.narrow - (tile + g) * LANES : LANES;
      if (units >= LANES)
        for (int r = 0; r < rows; r++, a += LANES) store(to + r * at.stride, load(a));
      else
        for (int r = 0; r < rows; r++, a += LANES) store_some(to + r * at.stride, load(a), units);
    }
  }
};

#define EACH(expression)                                                                                     \
  for (int r = 0; r < size; r += LANES) store(d + r, (expression));                                          \
  break
#define A load(a + r)
#define B load(b + r)
#define C load(c + r)

static void interpret(const Code &code, const Block &block, float *registers) {
  const int size = block.size();
  for (const Instruction &i : code.instructions) {
    float *d = registers + int64_t(i.out) * size;
    const float *a = registers + int64_t(i.a) * size, *b = registers + int64_t(i.b) * size,
                *c = registers + int64_t(i.c) * size;
    switch (i.op) {
    case LOAD:
      block.read(i.buffer, d);
      break;
    case STORE:
      block.write(i.buffer, a);
      break;
    case CONST:
      EACH(set1(i.k0));
    case ADD:
      EACH(add(A, B));
    case SUB:
      EACH(sub(A, B));
    case MUL:
      EACH(mul(A, B));
    case DIV:
      EACH(div(A, B));
    case MAX:
      EACH(maximum(A, B));
    case SELECT:
      EACH(select(A, B, C));
    case SIGMOID:
      EACH(sigmoid(A));
    case TANH:
      EACH(tanh(A));
    default:
      EACH(apply(i.op, A, i.k0, i.k1));
    }
  }
}
#undef EACH
#undef A
#undef B
#undef C

#include "printed/gru.h"
#include "printed/lstm.h"
#include "printed/rnn.h"

using PrintedCode = void (*)(const Block &);
#define PRINTED(function, code) function,
static constexpr PrintedCode PRINTED_CODES[] = {
#include "printed/table.h"
};
#undef PRINTED

} // namespace HIDDENSTATE_ISA
} // namespace hiddenstate
