// Matrix products of blocks that fit the registers.
//
// Summation order: every element starts from its bias (or zero) and adds its terms one after the other, k =
// 0, 1, ... So its bits depend on the length of the sum and on the instruction set alone, never on the batch,
// the tile, the row or the thread.
#pragma once
#include "simd.h"
#include <algorithm>
#include <utility>

namespace hiddenstate {
namespace HIDDENSTATE_ISA {

constexpr int MOST_ROWS = 6;
#if defined(HIDDENSTATE_AVX512)
constexpr int most_vectors(int rows) { return rows <= 2 ? 8 : 4; } // of 32 registers 24 hold sums
#elif defined(HIDDENSTATE_AVX2)
constexpr int most_vectors(int rows) { return rows == 1 ? 4 : rows <= 3 ? 2 : 1; } // of 16 registers 12
#else
constexpr int most_vectors(int rows) { return rows == 1 ? 2 : 1; }
#endif
constexpr int MOST_VECTORS = most_vectors(1);

INLINE int64_t tiles_of(int64_t width) { return (width + LANES - 1) / LANES; }

static void pack(const Packed &product, const float *weight, int64_t stride, float *panels) {
  const int64_t tiles = tiles_of(product.width), inner = product.inner;
  for (int64_t tile = 0; tile < tiles; tile++)
    for (int64_t block = 0; block < product.blocks; block++) {
      float *panel = panels + (tile * product.blocks + block) * inner * LANES;
      const int64_t units = std::min<int64_t>(LANES, product.width - tile * LANES);
      if (product.back) {
        const float *from = weight + block * inner * stride + tile * LANES;
        for (int64_t k = 0; k < inner; k++)
          store(panel + k * LANES,
                units == LANES ? load(from + k * stride) : load_some(from + k * stride, units));
      } else {
        transpose_panel(weight + (block * product.width + tile * LANES) * stride, stride, units, inner,
                        panel);
      }
    }
}

struct TileSum {
  const float *a; // the first row
  int64_t a_stride, terms, out_stride;
  bool first; // begin from the bias, else from what the last call left
  const float *panels[MOST_VECTORS];
  const float *bias[MOST_VECTORS]; // or null
  float *out[MOST_VECTORS];
  int64_t units[MOST_VECTORS]; // that there are, of sixteen
  bool narrow;                 // those beyond may not be stored
};

template <int ROWS, int VECTORS> static void tile_sum(const TileSum &t) {
  V sums[ROWS][VECTORS];
#pragma GCC unroll 8
  for (int v = 0; v < VECTORS; v++) {
    const bool part = t.narrow && t.units[v] != LANES;
    if (t.first) {
      const V bias = !t.bias[v]            ? set1(0)
                     : t.units[v] == LANES ? load(t.bias[v])
                                           : load_some(t.bias[v], t.units[v]);
#pragma GCC unroll 6
      for (int r = 0; r < ROWS; r++) sums[r][v] = bias;
    } else {
#pragma GCC unroll 6
      for (int r = 0; r < ROWS; r++)
        sums[r][v] =
            part ? load_some(t.out[v] + r * t.out_stride, t.units[v]) : load(t.out[v] + r * t.out_stride);
    }
  }
  const float *panels[VECTORS];
#pragma GCC unroll 8
  for (int v = 0; v < VECTORS; v++) panels[v] = t.panels[v];
  const float *a = t.a;
  const int64_t stride = t.a_stride;
  for (int64_t k = 0; k < t.terms; k++) {
    V w[VECTORS];
#pragma GCC unroll 8
    for (int v = 0; v < VECTORS; v++) w[v] = load(panels[v] + k * LANES);
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++) {
      const V x = set1(a[r * stride + k]);
#pragma GCC unroll 8
      for (int v = 0; v < VECTORS; v++) sums[r][v] = fma(x, w[v], sums[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < VECTORS; v++) {
    if (t.narrow && t.units[v] != LANES) {
#pragma GCC unroll 6
      for (int r = 0; r < ROWS; r++) store_some(t.out[v] + r * t.out_stride, sums[r][v], t.units[v]);
    } else {
#pragma GCC unroll 6
      for (int r = 0; r < ROWS; r++) store(t.out[v] + r * t.out_stride, sums[r][v]);
    }
  }
}

using TileSumOf = void (*)(const TileSum &);
template <int ROWS, int VECTORS> constexpr TileSumOf tile_sum_of() {
  if constexpr (VECTORS <= most_vectors(ROWS))
    return tile_sum<ROWS, VECTORS>;
  else
    return nullptr;
}
template <int ROWS, size_t... I> constexpr void fill_row(TileSumOf *row, std::index_sequence<I...>) {
  ((row[I] = tile_sum_of<ROWS, int(I) + 1>()), ...);
}
struct TileSums {
  TileSumOf of[MOST_ROWS + 1][MOST_VECTORS + 1] = {};
  constexpr TileSums() {
    constexpr auto each = std::make_index_sequence<MOST_VECTORS>();
    fill_row<1>(of[1] + 1, each), fill_row<2>(of[2] + 1, each), fill_row<3>(of[3] + 1, each);
    fill_row<4>(of[4] + 1, each), fill_row<5>(of[5] + 1, each), fill_row<6>(of[6] + 1, each);
  }
};
static constexpr TileSums TILE_SUMS;

// Where the blocks of some tiles go: block b of tile number g at data[b] + g * next_tile.
struct Targets {
  float *const *data;
  int64_t next_tile, stride;
  bool narrow; // what lies beyond the product's width may not be touched
};

// [from, to) in parts of at most `most` rows, as even as they can be.
template <class Part> INLINE void in_parts(int64_t from, int64_t to, int64_t most, Part &&part) {
  const int64_t rows = to - from, parts = (rows + most - 1) / most;
  int64_t begin = from;
  for (int64_t i = 0; i < parts; i++) {
    const int64_t end = begin + (rows + i) / parts;
    part(begin, end);
    begin = end;
  }
}

constexpr int MOST_SOURCES = 16;
constexpr int64_t TERMS = 128; // of which four panels stay in the first cache while the rows go by

// `tiles` tiles of every block, for some rows.
static void product_tiles(const Packed &product, const float *const *a, const int64_t *strides, int64_t rows,
                          int64_t tile, int64_t tiles, const Targets &targets) {
  const int64_t panel = product.inner * LANES;
  const int64_t blocks = product.back ? 1 : product.blocks, sources = product.back ? product.blocks : 1;
  const int most = most_vectors(int(std::min<int64_t>(rows, MOST_ROWS)));
  const int64_t terms = rows <= MOST_ROWS ? product.inner : TERMS;
  const float *panels[MOST_VECTORS];
  float *out[MOST_VECTORS];
  TileSum t;
  t.out_stride = targets.stride, t.narrow = targets.narrow;
  int vectors = 0;
  for (int64_t g = 0; g < tiles; g++)
    for (int64_t b = 0; b < blocks; b++) {
      const int64_t column = (tile + g) * LANES;
      panels[vectors] = product.panels + ((tile + g) * product.blocks + b) * panel;
      t.units[vectors] = std::min<int64_t>(LANES, product.width - column);
      t.bias[vectors] = product.bias ? product.bias + b * product.width + column : nullptr;
      out[vectors] = targets.data[b] + g * targets.next_tile;
      if (++vectors < most && !(g == tiles - 1 && b == blocks - 1)) continue;
      t.first = true;
      for (int64_t s = 0; s < sources; s++)
        for (int64_t k = 0; k == 0 || k < product.inner; k += terms, t.first = false) {
          t.terms = std::min(terms, product.inner - k), t.a_stride = strides[s];
          for (int v = 0; v < vectors; v++) t.panels[v] = panels[v] + s * panel + k * LANES;
          in_parts(0, rows, MOST_ROWS, [&](int64_t begin, int64_t end) {
            t.a = a[s] + begin * strides[s] + k;
            for (int v = 0; v < vectors; v++) t.out[v] = out[v] + begin * targets.stride;
            TILE_SUMS.of[end - begin][vectors](t);
          });
        }
      vectors = 0;
    }
}

static void multiply(const Packed &product, const float *const *a, const int64_t *strides, float *out,
                     int64_t out_stride, int64_t out_block, bool narrow, int64_t from, int64_t to) {
  const int64_t tiles = tiles_of(product.width), blocks = product.back ? 1 : product.blocks;
  const int64_t sources = product.back ? product.blocks : 1;
  const int64_t group = std::max<int64_t>(1, (to - from <= 2 ? MOST_VECTORS : 4) / blocks);
  constexpr int64_t CHUNK = 96; // rows whose inputs stay in a cache while the panels go by
  in_parts(from, to, CHUNK, [&](int64_t begin, int64_t end) {
    const float *at[MOST_SOURCES];
    float *targets[MOST_SOURCES];
    for (int64_t s = 0; s < sources; s++) at[s] = a[s] + begin * strides[s];
    for (int64_t tile = 0; tile < tiles; tile += group) {
      for (int64_t b = 0; b < blocks; b++)
        targets[b] = out + begin * out_stride + b * out_block + tile * LANES;
      product_tiles(product, at, strides, end - begin, tile, std::min(group, tiles - tile),
                    {targets, LANES, out_stride, narrow});
    }
  });
}

// --- sums over rows: the gradients of weights ---

// x [terms][VECTORS][16], without gaps
template <int ROWS, int VECTORS>
static void outer_tile(const float *a, int64_t a_stride, const float *x, int64_t terms, float *out,
                       int64_t out_stride, int64_t last_units, bool first) {
  V sums[ROWS][VECTORS];
  const bool part = last_units != LANES;
#pragma GCC unroll 6
  for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) {
      const float *o = out + r * out_stride + v * LANES;
      sums[r][v] = first ? set1(0) : part && v == VECTORS - 1 ? load_some(o, last_units) : load(o);
    }
  for (int64_t i = 0; i < terms; i++) {
    V w[VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) w[v] = load(x + (i * VECTORS + v) * LANES);
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++) {
      const V d = set1(a[i * a_stride + r]);
#pragma GCC unroll 4
      for (int v = 0; v < VECTORS; v++) sums[r][v] = fma(d, w[v], sums[r][v]);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) {
      float *o = out + r * out_stride + v * LANES;
      if (part && v == VECTORS - 1)
        store_some(o, sums[r][v], last_units);
      else
        store(o, sums[r][v]);
    }
}

constexpr int OUTER_VECTORS = most_vectors(MOST_ROWS);
using OuterOf = void (*)(const float *, int64_t, const float *, int64_t, float *, int64_t, int64_t, bool);
template <int VECTORS> static OuterOf outer_of(int64_t rows) {
  switch (rows) {
  case 1:
    return outer_tile<1, VECTORS>;
  case 2:
    return outer_tile<2, VECTORS>;
  case 3:
    return outer_tile<3, VECTORS>;
  case 4:
    return outer_tile<4, VECTORS>;
  case 5:
    return outer_tile<5, VECTORS>;
  default:
    return outer_tile<6, VECTORS>;
  }
}
static OuterOf outer_any(int64_t rows, int64_t vectors) {
#if defined(HIDDENSTATE_AVX512)
  switch (vectors) {
  case 2:
    return outer_of<2>(rows);
  case 3:
    return outer_of<3>(rows);
  case 4:
    return outer_of<4>(rows);
  default:
    break;
  }
#endif
  (void)vectors;
  return outer_of<1>(rows);
}

static void outer_wide(const std::vector<Piece> &pieces, int64_t N, float *out, int64_t out_stride,
                       int64_t from, int64_t to) {
  constexpr int64_t CHUNK = 96; // terms of which the vectors stay in the first cache
  alignas(64) float x[CHUNK * OUTER_VECTORS * LANES];
  const int64_t tiles = tiles_of(N);
  bool first = true;
  for (const Piece &piece : pieces)
    for (int64_t k = 0; k < piece.K; k += CHUNK, first = false) {
      const int64_t terms = std::min(CHUNK, piece.K - k);
      for (int64_t tile = 0; tile < tiles; tile += OUTER_VECTORS) {
        const int64_t vectors = std::min<int64_t>(OUTER_VECTORS, tiles - tile);
        const int64_t last = std::min<int64_t>(LANES, N - (tile + vectors - 1) * LANES);
        for (int64_t i = 0; i < terms; i++) {
          const float *row = piece.x + (k + i) * piece.x_stride + tile * LANES;
          float *to_row = x + i * vectors * LANES;
          for (int64_t v = 0; v < vectors - 1; v++) store(to_row + v * LANES, load(row + v * LANES));
          store(to_row + (vectors - 1) * LANES, load_some(row + (vectors - 1) * LANES, last));
        }
        in_parts(from, to, MOST_ROWS, [&](int64_t m, int64_t until) {
          outer_any(until - m, vectors)(piece.a + k * piece.a_stride + m, piece.a_stride, x, terms,
                                        out + m * out_stride + tile * LANES, out_stride, last, first);
        });
      }
    }
  if (first)
    for (int64_t m = from; m < to; m++) std::fill(out + m * out_stride, out + m * out_stride + N, 0.0f);
}

// A few columns of x, as a time series has: the sums of a's columns weighted by each, so that a's rows fill
// the vectors. The order of the additions is the same.
static void outer_narrow(const std::vector<Piece> &pieces, int64_t N, float *out, int64_t out_stride,
                         int64_t from, int64_t to) {
  std::vector<Piece> turned;
  for (const Piece &p : pieces) turned.push_back({p.x, p.a + from, p.x_stride, p.a_stride, p.K});
  std::vector<float> sums(size_t(N * (to - from)));
  outer_wide(turned, to - from, sums.data(), to - from, 0, N);
  for (int64_t n = 0; n < N; n++)
    for (int64_t m = from; m < to; m++) out[m * out_stride + n] = sums[size_t(n * (to - from) + m - from)];
}

static void outer(const std::vector<Piece> &pieces, int64_t N, float *out, int64_t out_stride, int64_t from,
                  int64_t to) {
  if (N <= 4 && to - from > 4 * N)
    outer_narrow(pieces, N, out, out_stride, from, to);
  else
    outer_wide(pieces, N, out, out_stride, from, to);
}

template <int VECTORS> static void column_tile(const float *a, int64_t stride, int64_t K, float *out) {
  V sums[VECTORS];
#pragma GCC unroll 8
  for (int v = 0; v < VECTORS; v++) sums[v] = set1(0);
  for (int64_t k = 0; k < K; k++)
#pragma GCC unroll 8
    for (int v = 0; v < VECTORS; v++) sums[v] = add(sums[v], load(a + k * stride + v * LANES));
#pragma GCC unroll 8
  for (int v = 0; v < VECTORS; v++) store(out + v * LANES, sums[v]);
}

static void column_sums(const float *a, int64_t stride, int64_t K, float *out, int64_t from, int64_t to) {
  while (from < to) {
    const int64_t vectors = (to - from) / LANES;
    const int width = vectors >= 8 ? 8 : vectors >= 4 ? 4 : vectors >= 2 ? 2 : 1; // few sweeps over long rows
    const auto tile = width == 8   ? column_tile<8>
                      : width == 4 ? column_tile<4>
                      : width == 2 ? column_tile<2>
                                   : column_tile<1>;
    tile(a + from, stride, K, out + from);
    from += width * LANES;
  }
}

} // namespace HIDDENSTATE_ISA
} // namespace hiddenstate
