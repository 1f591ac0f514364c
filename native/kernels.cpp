// The time loop, the products and the interpreter of tile programs: one source, compiled once for each
// instruction set.
//
// Summation order: every element of a product starts from its bias (or zero) and adds its terms one after the
// other, k = 0, 1, ... So its bits depend on the length of the sum and on the instruction set alone, never on
// the batch, the tile, the row or the thread.
#include "layer.h"
#include "vector_math.h"
#include <algorithm>

namespace hiddenstate {
namespace HIDDENSTATE_ISA {

constexpr int MOST_ROWS = 6;    // rows of a tile: six rows of four vectors fill the registers of AVX-512
constexpr int MOST_VECTORS = 4; // vectors of a tile

static int64_t tiles_of(int64_t width) { return (width + LANES - 1) / LANES; }

// --- products ---

// A panel holds sixteen columns: panel[k * 16 + u] is what term k contributes to unit u. Panels of a product
// stand by tile, then block (forward) or source (back), then k.
static void pack(Product &product) {
  const int64_t blocks = product.back ? product.sources.size() : product.targets.size();
  const int64_t tiles = tiles_of(product.width), inner = product.inner, width = product.width;
  product.panels.assign(size_t(tiles * blocks * inner * LANES), 0.0f);
  for (int64_t tile = 0; tile < tiles; tile++)
    for (int64_t block = 0; block < blocks; block++) {
      float *panel = product.panels.data() + (tile * blocks + block) * inner * LANES;
      const int64_t units = std::min<int64_t>(LANES, width - tile * LANES);
      for (int64_t k = 0; k < inner; k++)
        for (int64_t u = 0; u < units; u++) {
          const int64_t unit = tile * LANES + u;
          panel[k * LANES + u] = product.back
                                     ? product.weight[(block * inner + k) * product.weight_stride + unit]
                                     : product.weight[(block * width + unit) * product.weight_stride + k];
        }
    }
}

// ROWS x VECTORS sums at once over one source: accumulators += a[r] . panel[v]
template <int ROWS, int VECTORS>
INLINE void sum_terms(V (&sums)[ROWS][VECTORS], const float *a, int64_t stride, const float *const *panels,
                      int64_t inner) {
  for (int64_t k = 0; k < inner; k++) {
    V w[VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) w[v] = load(panels[v] + k * LANES);
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++) {
      const V x = set1(a[r * stride + k]);
#pragma GCC unroll 4
      for (int v = 0; v < VECTORS; v++) sums[r][v] = fma(x, w[v], sums[r][v]);
    }
  }
}

struct TileSum {
  const float *const *a;  // one pointer to the first row for each source
  const int64_t *strides; // of the sources
  int sources;
  const float *panels[MOST_VECTORS]; // of the first source
  int64_t next_source;               // floats from one source's panel to the next one's
  const float *bias[MOST_VECTORS];   // sixteen numbers, or null
  float *out[MOST_VECTORS];
  int64_t out_stride;
  int64_t inner;
};

template <int ROWS, int VECTORS> static void tile_sum(const TileSum &t) {
  V sums[ROWS][VECTORS];
#pragma GCC unroll 6
  for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) sums[r][v] = t.bias[v] ? load(t.bias[v]) : set1(0);
  for (int s = 0; s < t.sources; s++) {
    const float *panels[VECTORS];
    for (int v = 0; v < VECTORS; v++) panels[v] = t.panels[v] + s * t.next_source;
    sum_terms<ROWS, VECTORS>(sums, t.a[s], t.strides[s], panels, t.inner);
  }
#pragma GCC unroll 6
  for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) store(t.out[v] + r * t.out_stride, sums[r][v]);
}

template <int VECTORS> static void tile_sum_of(int rows, const TileSum &t) {
  switch (rows) {
  case 1:
    return tile_sum<1, VECTORS>(t);
  case 2:
    return tile_sum<2, VECTORS>(t);
  case 3:
    return tile_sum<3, VECTORS>(t);
  case 4:
    return tile_sum<4, VECTORS>(t);
  case 5:
    return tile_sum<5, VECTORS>(t);
  default:
    return tile_sum<6, VECTORS>(t);
  }
}

static void tile_sum_any(int rows, int vectors, const TileSum &t) {
  switch (vectors) {
  case 1:
    return tile_sum_of<1>(rows, t);
  case 2:
    return tile_sum_of<2>(rows, t);
  case 3:
    return tile_sum_of<3>(rows, t);
  default:
    return tile_sum_of<4>(rows, t);
  }
}

// Biases are read sixteen at a time, so the last tile of a block needs a copy that is long enough.
struct PaddedBias {
  alignas(64) float numbers[LANES];
  const float *of(const Product &product, int64_t block, int64_t tile) {
    if (!product.bias) return nullptr;
    const float *from = product.bias + block * product.width + tile * LANES;
    const int64_t units = std::min<int64_t>(LANES, product.width - tile * LANES);
    if (units == LANES) return from;
    std::fill(numbers, numbers + LANES, 0.0f);
    std::copy(from, from + units, numbers);
    return numbers;
  }
};

// One tile of every block, for some rows, into out + block * block_stride.
static void product_tile(const Product &product, const float *const *a, const int64_t *strides, int rows,
                         int64_t tile, float *const *out, int64_t out_stride) {
  const int blocks = int(product.targets.size());
  const int64_t panel = int64_t(product.inner) * LANES;
  const int64_t per_tile = product.back ? int64_t(product.sources.size()) : blocks;
  PaddedBias biases[MOST_VECTORS];
  for (int begin = 0; begin < blocks; begin += MOST_VECTORS) {
    const int vectors = std::min(MOST_VECTORS, blocks - begin);
    TileSum t;
    t.a = a, t.strides = strides, t.sources = int(product.sources.size());
    t.inner = product.inner, t.out_stride = out_stride, t.next_source = panel;
    for (int v = 0; v < vectors; v++) {
      t.panels[v] = product.panels.data() + (tile * per_tile + begin + v) * panel;
      t.bias[v] = biases[v].of(product, begin + v, tile);
      t.out[v] = out[begin + v];
    }
    tile_sum_any(rows, vectors, t);
  }
}

static void multiply(const Product &product, const float *const *a, const int64_t *strides, float *out,
                     int64_t out_stride, int64_t from, int64_t to) {
  const int64_t tiles = tiles_of(product.width), blocks = product.targets.size();
  constexpr int64_t CHUNK = 120; // rows whose inputs stay in the first cache while the panels go by
  std::vector<const float *> at(product.sources.size());
  std::vector<float *> targets(blocks);
  for (int64_t chunk = from; chunk < to; chunk += CHUNK)
    for (int64_t tile = 0; tile < tiles; tile++)
      for (int64_t r = chunk; r < std::min(to, chunk + CHUNK); r += MOST_ROWS) {
        const int rows = int(std::min<int64_t>(MOST_ROWS, std::min(to, chunk + CHUNK) - r));
        for (size_t s = 0; s < at.size(); s++) at[s] = a[s] + r * strides[s];
        for (int64_t b = 0; b < blocks; b++) targets[b] = out + r * out_stride + (b * tiles + tile) * LANES;
        product_tile(product, at.data(), strides, rows, tile, targets.data(), out_stride);
      }
}

// out [M, N] = sum over k of a[k, m] x[k, n], in chunks of k that stay in the second cache
template <int ROWS, int VECTORS>
static void outer_tile(const float *a, int64_t a_stride, const float *x, int64_t x_stride, int64_t K,
                       float *out, int64_t out_stride, bool first) {
  V sums[ROWS][VECTORS];
#pragma GCC unroll 6
  for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) sums[r][v] = first ? set1(0) : load(out + r * out_stride + v * LANES);
  for (int64_t k = 0; k < K; k++) {
    V w[VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) w[v] = load(x + k * x_stride + v * LANES);
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++) {
      const V d = set1(a[k * a_stride + r]);
#pragma GCC unroll 4
      for (int v = 0; v < VECTORS; v++) sums[r][v] = fma(d, w[v], sums[r][v]);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) store(out + r * out_stride + v * LANES, sums[r][v]);
}

template <int VECTORS>
static void outer_rows(int rows, const float *a, int64_t a_stride, const float *x, int64_t x_stride,
                       int64_t K, float *out, int64_t out_stride, bool first) {
  switch (rows) {
  case 1:
    return outer_tile<1, VECTORS>(a, a_stride, x, x_stride, K, out, out_stride, first);
  case 2:
    return outer_tile<2, VECTORS>(a, a_stride, x, x_stride, K, out, out_stride, first);
  case 3:
    return outer_tile<3, VECTORS>(a, a_stride, x, x_stride, K, out, out_stride, first);
  case 4:
    return outer_tile<4, VECTORS>(a, a_stride, x, x_stride, K, out, out_stride, first);
  case 5:
    return outer_tile<5, VECTORS>(a, a_stride, x, x_stride, K, out, out_stride, first);
  default:
    return outer_tile<6, VECTORS>(a, a_stride, x, x_stride, K, out, out_stride, first);
  }
}

// x and out have their columns rounded up to sixteen
static void outer(const float *a, int64_t a_stride, const float *x, int64_t x_stride, int64_t K, int64_t N,
                  float *out, int64_t out_stride, int64_t from, int64_t to) {
  constexpr int64_t CHUNK = 256;
  const int64_t tiles = tiles_of(N);
  for (int64_t k = 0; k == 0 || k < K; k += CHUNK) {
    const int64_t terms = std::min(CHUNK, K - k);
    for (int64_t tile = 0; tile < tiles; tile += MOST_VECTORS)
      for (int64_t m = from; m < to; m += MOST_ROWS) {
        const int rows = int(std::min<int64_t>(MOST_ROWS, to - m));
        const float *am = a + k * a_stride + m, *xn = x + k * x_stride + tile * LANES;
        float *o = out + m * out_stride + tile * LANES;
        switch (std::min<int64_t>(MOST_VECTORS, tiles - tile)) {
        case 1:
          outer_rows<1>(rows, am, a_stride, xn, x_stride, terms, o, out_stride, k == 0);
          break;
        case 2:
          outer_rows<2>(rows, am, a_stride, xn, x_stride, terms, o, out_stride, k == 0);
          break;
        case 3:
          outer_rows<3>(rows, am, a_stride, xn, x_stride, terms, o, out_stride, k == 0);
          break;
        default:
          outer_rows<4>(rows, am, a_stride, xn, x_stride, terms, o, out_stride, k == 0);
          break;
        }
      }
  }
}

static void column_sums(const float *a, int64_t stride, int64_t K, float *out, int64_t from, int64_t to) {
  for (int64_t column = from; column < to; column += LANES) {
    V sum = set1(0);
    for (int64_t k = 0; k < K; k++) sum = add(sum, load(a + k * stride + column));
    store(out + column, sum);
  }
}

// --- the interpreter ---

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
    return mul(x, sigmoid(x));
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
  for (int64_t i = 0; i < n; i += LANES) store(y + i, apply(op, load(x + i), k0, k1));
}

// Where the rows of one tile of a buffer begin, and how far apart they are.
struct At {
  float *data;
  int64_t stride;
};

struct Step {
  const Buffer *buffers;
  const Rows &rows;
  int64_t p;

  At at(const Buffer &buffer, int64_t row, int64_t column) const {
    switch (buffer.place) {
    case BY_STEP:
      return {buffer.data + (rows.first[p] + row) * buffer.stride + column, buffer.stride};
    case PREVIOUS:
      if (p == 0) return {const_cast<float *>(buffer.other) + row * buffer.stride + column, buffer.stride};
      return {buffer.data + (rows.first[p - 1] + row) * buffer.stride + column, buffer.stride};
    case BY_ROW:
      return {buffer.data + row * buffer.stride + column, buffer.stride};
    case ROW_SCALAR:
      return {buffer.data + rows.first[p] + row, 1};
    default:
      return {buffer.data + column, 0};
    }
  }
};

#define EACH_ROW(expression)                                                                                 \
  for (int r = 0; r < n; r++) store(d + r * LANES, (expression));                                            \
  break
#define A load(a + r * LANES)
#define B load(b + r * LANES)
#define C load(c + r * LANES)

// registers and slots: [number][rows][16]
static void interpret(const Code &code, const Step &step, int64_t row, int n, int64_t column,
                      float *registers, const float *slots) {
  const int size = n * LANES;
  for (const Instruction &i : code.instructions) {
    float *d = registers + int64_t(i.out) * size;
    const float *a = registers + int64_t(i.a) * size, *b = registers + int64_t(i.b) * size,
                *c = registers + int64_t(i.c) * size;
    switch (i.op) {
    case LOAD: {
      const Buffer &buffer = step.buffers[i.buffer];
      if (buffer.place == SCRATCH) {
        const float *slot = slots + buffer.stride * size;
        EACH_ROW(load(slot + r * LANES));
      }
      const At at = step.at(buffer, row, column);
      if (buffer.place == ROW_SCALAR) {
        EACH_ROW(set1(at.data[r]));
      }
      EACH_ROW(load(at.data + r * at.stride));
    }
    case STORE: {
      const At at = step.at(step.buffers[i.buffer], row, column);
      for (int r = 0; r < n; r++) store(at.data + r * at.stride, A);
      break;
    }
    case CONST:
      EACH_ROW(set1(i.k0));
    case ADD:
      EACH_ROW(add(A, B));
    case SUB:
      EACH_ROW(sub(A, B));
    case MUL:
      EACH_ROW(mul(A, B));
    case DIV:
      EACH_ROW(div(A, B));
    case MAX:
      EACH_ROW(maximum(A, B));
    case SELECT:
      EACH_ROW(select(A, B, C));
    case SIGMOID:
      EACH_ROW(sigmoid(A));
    case TANH:
      EACH_ROW(tanh(A));
    default:
      EACH_ROW(apply(i.op, A, i.k0, i.k1));
    }
  }
}
#undef EACH_ROW
#undef A
#undef B
#undef C

// --- the time loop ---

static void norm_rows(const Norm &norm, const Step &step, int64_t from, int64_t to) {
  constexpr float EPSILON = 1e-5f;
  const Buffer *buffers = step.buffers;
  for (int64_t row = from; row < to; row++) {
    const float *x = step.at(buffers[norm.source], row, 0).data;
    float *y = step.at(buffers[norm.target], row, 0).data;
    float *deviation = step.at(buffers[norm.deviation], row, 0).data;
    const int64_t width = norm.width;
    if (norm.row < 0) {
      double mean = 0, square = 0;
      for (int64_t u = 0; u < width; u++) mean += x[u];
      mean /= double(width);
      for (int64_t u = 0; u < width; u++) square += (x[u] - mean) * (x[u] - mean);
      *deviation = float(1 / std::sqrt(square / double(width) + EPSILON));
      for (int64_t u = 0; u < width; u++) y[u] = float((x[u] - mean)) * *deviation;
    } else {
      const float *unit = step.at(buffers[norm.row], row, 0).data;
      double mean = 0, along = 0;
      for (int64_t u = 0; u < width; u++) mean += x[u], along += double(x[u]) * unit[u];
      mean /= double(width), along /= double(width);
      for (int64_t u = 0; u < width; u++) y[u] = *deviation * float(x[u] - mean - unit[u] * along);
    }
    std::fill(y + width, y + tiles_of(width) * LANES, 0.0f);
  }
}

struct Scratch {
  std::vector<float> registers, slots;
};

// Run one tile of a product into where its targets live.
static void product_into(const Product &product, const Step &step, int64_t row, int rows, int64_t tile,
                         float *slots) {
  const float *a[16];
  int64_t strides[16];
  float *out[16];
  const Buffer *buffers = step.buffers;
  for (size_t s = 0; s < product.sources.size(); s++) {
    const At at = step.at(buffers[product.sources[s]], row, 0);
    a[s] = at.data, strides[s] = at.stride;
  }
  int64_t out_stride = LANES;
  for (size_t b = 0; b < product.targets.size(); b++) {
    const Buffer &buffer = buffers[product.targets[b]];
    if (buffer.place == SCRATCH) {
      out[b] = slots + buffer.stride * rows * LANES;
    } else {
      const At at = step.at(buffer, row, tile * LANES);
      out[b] = at.data, out_stride = at.stride;
    }
  }
  product_tile(product, a, strides, rows, tile, out, out_stride);
}

static void run_stage(const Stage &stage, const Step &step, int64_t from, int64_t to, Scratch &scratch) {
  if (stage.whole) {
    // forwards a norm reads a product, on the way back a product reads what came through a norm
    for (const Norm &norm : stage.norms)
      if (norm.row >= 0) norm_rows(norm, step, from, to);
    for (const Product &product : stage.products)
      for (int64_t tile = 0; tile < tiles_of(product.width); tile++)
        for (int64_t row = from; row < to; row += MOST_ROWS)
          product_into(product, step, row, int(std::min<int64_t>(MOST_ROWS, to - row)), tile, nullptr);
    for (const Norm &norm : stage.norms)
      if (norm.row < 0) norm_rows(norm, step, from, to);
  }
  for (const Code &code : stage.codes)
    for (int64_t tile = 0; tile < tiles_of(code.width); tile++)
      for (int64_t row = from; row < to; row += MOST_ROWS) {
        const int rows = int(std::min<int64_t>(MOST_ROWS, to - row));
        if (!stage.whole)
          for (const Product &product : stage.products)
            if (product.width == code.width)
              product_into(product, step, row, rows, tile, scratch.slots.data());
        interpret(code, step, row, rows, tile * LANES, scratch.registers.data(), scratch.slots.data());
      }
}

// Rows never meet within a step, so a range of rows runs through all steps on its own, without waiting.
static void run(const Program &program, const Rows &rows, bool backwards, int64_t from, int64_t to) {
  Scratch scratch;
  std::vector<Buffer> buffers = program.buffers; // this thread's own, as it exchanges some of them
  int64_t registers = 0, slots = 0;
  for (const Stage &stage : program.stages)
    for (const Code &code : stage.codes) registers = std::max<int64_t>(registers, code.registers);
  for (const Buffer &buffer : program.buffers)
    if (buffer.place == SCRATCH) slots = std::max(slots, buffer.stride + 1);
  scratch.registers.resize(size_t(registers * MOST_ROWS * LANES));
  scratch.slots.resize(size_t(slots * MOST_ROWS * LANES));
  for (int64_t step = 0; step < rows.steps; step++) {
    const int64_t p = backwards ? rows.steps - 1 - step : step;
    const int64_t end = std::min(to, rows.count[p]);
    const Step now{buffers.data(), rows, p};
    if (from < end)
      for (const Stage &stage : program.stages) run_stage(stage, now, from, end, scratch);
    // rows that have not begun keep what they were given, so both buffers of a pair must hold it
    for (auto [one, other] : program.swaps) std::swap(buffers[one].data, buffers[other].data);
  }
}

} // namespace HIDDENSTATE_ISA

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
const Kernels *JOIN(kernels_, HIDDENSTATE_ISA)() {
  static const Kernels table{TEXT(HIDDENSTATE_ISA),       HIDDENSTATE_ISA::pack,
                             HIDDENSTATE_ISA::run,        HIDDENSTATE_ISA::multiply,
                             HIDDENSTATE_ISA::outer,      HIDDENSTATE_ISA::column_sums,
                             HIDDENSTATE_ISA::elementwise};
  return &table;
}

} // namespace hiddenstate
