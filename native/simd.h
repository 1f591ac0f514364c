// Sixteen floats at a time, whatever the processor: one AVX-512 register, two AVX2 registers, or a plain
// array.
//
// Compiled once for each instruction set, in a namespace of its own. Only what rounds the same way everywhere
// is here; nothing fuses a product and a sum unless fma() is written.
#pragma once
#include "layer.h"
#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(HIDDENSTATE_AVX512) || defined(HIDDENSTATE_AVX2)
#include <immintrin.h>
#endif

#if defined(_MSC_VER)
#define INLINE static __forceinline
#else
#define INLINE static inline __attribute__((always_inline))
#endif

namespace hiddenstate {
namespace HIDDENSTATE_ISA {

#if defined(HIDDENSTATE_AVX512)

using V = __m512;
INLINE V load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void store(float *p, V a) { _mm512_storeu_ps(p, a); }
INLINE V set1(float a) { return _mm512_set1_ps(a); }
INLINE V add(V a, V b) { return _mm512_add_ps(a, b); }
INLINE V sub(V a, V b) { return _mm512_sub_ps(a, b); }
INLINE V mul(V a, V b) { return _mm512_mul_ps(a, b); }
INLINE V div(V a, V b) { return _mm512_div_ps(a, b); }
INLINE V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
// x is the second operand, which is what comes out where either is NaN
INLINE V at_least(float low, V x) { return _mm512_max_ps(set1(low), x); }
INLINE V at_most(float high, V x) { return _mm512_min_ps(set1(high), x); }
INLINE V where_above(V a, V b, V yes, V no) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), no, yes);
}
INLINE V where_nan(V a, V yes, V no) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), no, yes);
}
INLINE V nearest(V a) { return _mm512_roundscale_ps(a, 0); }
INLINE V times_power_of_two(V a, V n) { return _mm512_scalef_ps(a, n); }
INLINE V exponent(V a) { return _mm512_getexp_ps(a); }
INLINE V mantissa(V a) { return _mm512_getmant_ps(a, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src); }
// without the last bit or two of a division, in a fraction of its time
INLINE V reciprocal(V a) {
  V r = _mm512_rcp14_ps(a);
  return _mm512_fmadd_ps(r, _mm512_fnmadd_ps(a, r, set1(1)), r);
}
INLINE void transpose_sixteen(const float *rows, int64_t stride, int64_t units, float *out) {
  __m512 a[16], b[16];
#pragma GCC unroll 16
  for (int u = 0; u < 16; u++) a[u] = u < units ? _mm512_loadu_ps(rows + u * stride) : _mm512_setzero_ps();
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) { // pairs of rows, then fours, within each quarter of a register
    b[2 * i] = _mm512_unpacklo_ps(a[2 * i], a[2 * i + 1]);
    b[2 * i + 1] = _mm512_unpackhi_ps(a[2 * i], a[2 * i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    a[4 * i] = _mm512_shuffle_ps(b[4 * i], b[4 * i + 2], 0x44);
    a[4 * i + 1] = _mm512_shuffle_ps(b[4 * i], b[4 * i + 2], 0xee);
    a[4 * i + 2] = _mm512_shuffle_ps(b[4 * i + 1], b[4 * i + 3], 0x44);
    a[4 * i + 3] = _mm512_shuffle_ps(b[4 * i + 1], b[4 * i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) { // a[4 r + i] holds columns i, 4 + i, 8 + i, 12 + i of rows 4 r to 4 r + 3
    const __m512 low = _mm512_shuffle_f32x4(a[i], a[4 + i], 0x44),
                 high = _mm512_shuffle_f32x4(a[i], a[4 + i], 0xee);
    const __m512 low2 = _mm512_shuffle_f32x4(a[8 + i], a[12 + i], 0x44);
    const __m512 high2 = _mm512_shuffle_f32x4(a[8 + i], a[12 + i], 0xee);
    _mm512_storeu_ps(out + i * 16, _mm512_shuffle_f32x4(low, low2, 0x88));
    _mm512_storeu_ps(out + (4 + i) * 16, _mm512_shuffle_f32x4(low, low2, 0xdd));
    _mm512_storeu_ps(out + (8 + i) * 16, _mm512_shuffle_f32x4(high, high2, 0x88));
    _mm512_storeu_ps(out + (12 + i) * 16, _mm512_shuffle_f32x4(high, high2, 0xdd));
  }
}
INLINE V load_some(const float *p, int64_t n) { return _mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p); }
INLINE void store_some(float *p, V a, int64_t n) { _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), a); }

#elif defined(HIDDENSTATE_AVX2)

struct V {
  __m256 a, b;
};
INLINE V load(const float *p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
INLINE void store(float *p, V x) { _mm256_storeu_ps(p, x.a), _mm256_storeu_ps(p + 8, x.b); }
INLINE V set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
INLINE V add(V x, V y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
INLINE V sub(V x, V y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
INLINE V mul(V x, V y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
INLINE V div(V x, V y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
INLINE V fma(V x, V y, V z) { return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)}; }
INLINE V at_least(float low, V x) {
  __m256 c = _mm256_set1_ps(low);
  return {_mm256_max_ps(c, x.a), _mm256_max_ps(c, x.b)};
}
INLINE V at_most(float high, V x) {
  __m256 c = _mm256_set1_ps(high);
  return {_mm256_min_ps(c, x.a), _mm256_min_ps(c, x.b)};
}
INLINE V where_above(V x, V y, V yes, V no) {
  return {_mm256_blendv_ps(no.a, yes.a, _mm256_cmp_ps(x.a, y.a, _CMP_GT_OQ)),
          _mm256_blendv_ps(no.b, yes.b, _mm256_cmp_ps(x.b, y.b, _CMP_GT_OQ))};
}
INLINE V where_nan(V x, V yes, V no) {
  return {_mm256_blendv_ps(no.a, yes.a, _mm256_cmp_ps(x.a, x.a, _CMP_UNORD_Q)),
          _mm256_blendv_ps(no.b, yes.b, _mm256_cmp_ps(x.b, x.b, _CMP_UNORD_Q))};
}
INLINE V nearest(V x) { return {_mm256_round_ps(x.a, 8), _mm256_round_ps(x.b, 8)}; }
INLINE __m256 power_of_two(__m256 n) {
  return _mm256_castsi256_ps(
      _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}
// in two factors, as 2^128 and 2^-127 have no float of their own
INLINE V times_power_of_two(V x, V n) {
  V half = nearest(mul(n, set1(0.5f))), rest = sub(n, half);
  return {_mm256_mul_ps(_mm256_mul_ps(x.a, power_of_two(half.a)), power_of_two(rest.a)),
          _mm256_mul_ps(_mm256_mul_ps(x.b, power_of_two(half.b)), power_of_two(rest.b))};
}
INLINE __m256 exponent8(__m256 x) {
  __m256i e = _mm256_srli_epi32(_mm256_castps_si256(x), 23);
  return _mm256_cvtepi32_ps(
      _mm256_sub_epi32(_mm256_and_si256(e, _mm256_set1_epi32(255)), _mm256_set1_epi32(127)));
}
INLINE __m256 mantissa8(__m256 x) {
  __m256i m = _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x7fffff));
  return _mm256_castsi256_ps(_mm256_or_si256(m, _mm256_set1_epi32(0x3f800000)));
}
INLINE V exponent(V x) { return {exponent8(x.a), exponent8(x.b)}; }
INLINE V mantissa(V x) { return {mantissa8(x.a), mantissa8(x.b)}; }

// eight rows of eight, into rows sixteen floats apart
INLINE void transpose_eight(const float *rows, int64_t stride, float *out) {
  __m256 a[8], b[8];
#pragma GCC unroll 8
  for (int u = 0; u < 8; u++) a[u] = _mm256_loadu_ps(rows + u * stride);
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    b[2 * i] = _mm256_unpacklo_ps(a[2 * i], a[2 * i + 1]);
    b[2 * i + 1] = _mm256_unpackhi_ps(a[2 * i], a[2 * i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; i++) {
    a[4 * i] = _mm256_shuffle_ps(b[4 * i], b[4 * i + 2], 0x44);
    a[4 * i + 1] = _mm256_shuffle_ps(b[4 * i], b[4 * i + 2], 0xee);
    a[4 * i + 2] = _mm256_shuffle_ps(b[4 * i + 1], b[4 * i + 3], 0x44);
    a[4 * i + 3] = _mm256_shuffle_ps(b[4 * i + 1], b[4 * i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    _mm256_storeu_ps(out + i * 16, _mm256_permute2f128_ps(a[i], a[4 + i], 0x20));
    _mm256_storeu_ps(out + (4 + i) * 16, _mm256_permute2f128_ps(a[i], a[4 + i], 0x31));
  }
}

#else

struct V {
  float x[LANES];
};
#define EACH(expression)                                                                                     \
  V r;                                                                                                       \
  for (int i = 0; i < LANES; i++) r.x[i] = (expression);                                                     \
  return r
INLINE V load(const float *p) { EACH(p[i]); }
INLINE void store(float *p, V a) { std::memcpy(p, a.x, sizeof a.x); }
INLINE V set1(float a) { EACH(a); }
INLINE V add(V a, V b) { EACH(a.x[i] + b.x[i]); }
INLINE V sub(V a, V b) { EACH(a.x[i] - b.x[i]); }
INLINE V mul(V a, V b) { EACH(a.x[i] * b.x[i]); }
INLINE V div(V a, V b) { EACH(a.x[i] / b.x[i]); }
INLINE V fma(V a, V b, V c) { EACH(a.x[i] * b.x[i] + c.x[i]); } // two roundings: not every processor fuses
INLINE V at_least(float low, V a) { EACH(low > a.x[i] ? low : a.x[i]); }
INLINE V at_most(float high, V a) { EACH(high < a.x[i] ? high : a.x[i]); }
INLINE V where_above(V a, V b, V yes, V no) { EACH(a.x[i] > b.x[i] ? yes.x[i] : no.x[i]); }
INLINE V where_nan(V a, V yes, V no) { EACH(a.x[i] != a.x[i] ? yes.x[i] : no.x[i]); }
INLINE V nearest(V a) { EACH(std::nearbyint(a.x[i])); }
INLINE float power_of_two(int n) {
  uint32_t bits = uint32_t(n + 127) << 23;
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}
INLINE float scaled(float a, float n) {
  if (n != n) return n;
  int whole = int(n), half = whole / 2;
  return a * power_of_two(half) * power_of_two(whole - half);
}
INLINE V times_power_of_two(V a, V n) { EACH(scaled(a.x[i], n.x[i])); }
INLINE uint32_t bits_of(float a) {
  uint32_t b;
  std::memcpy(&b, &a, 4);
  return b;
}
INLINE float float_of(uint32_t b) {
  float a;
  std::memcpy(&a, &b, 4);
  return a;
}
INLINE V exponent(V a) { EACH(float(int((bits_of(a.x[i]) >> 23) & 255) - 127)); }
INLINE V mantissa(V a) { EACH(float_of((bits_of(a.x[i]) & 0x7fffff) | 0x3f800000)); }
#undef EACH

#endif

#if !defined(HIDDENSTATE_AVX512)
INLINE V reciprocal(V a) { return div(set1(1), a); }
INLINE V load_some(const float *p, int64_t n) {
  alignas(64) float x[LANES] = {};
  std::memcpy(x, p, size_t(n) * sizeof(float));
  return load(x);
}
INLINE void store_some(float *p, V a, int64_t n) {
  alignas(64) float x[LANES];
  store(x, a);
  std::memcpy(p, x, size_t(n) * sizeof(float));
}
#endif

// panel[k * 16 + u] = rows[u][k], for sixteen rows or fewer: the rest become zero
INLINE void transpose_panel(const float *rows, int64_t stride, int64_t units, int64_t inner, float *panel) {
  int64_t k = 0;
#if defined(HIDDENSTATE_AVX512)
  for (; k + LANES <= inner; k += LANES) transpose_sixteen(rows + k, stride, units, panel + k * LANES);
#elif defined(HIDDENSTATE_AVX2)
  for (; units == LANES && k + 8 <= inner; k += 8) {
    transpose_eight(rows + k, stride, panel + k * LANES);
    transpose_eight(rows + 8 * stride + k, stride, panel + k * LANES + 8);
  }
#endif
  for (; k < inner; k++) {
    for (int64_t u = 0; u < units; u++) panel[k * LANES + u] = rows[u * stride + k];
    for (int64_t u = units; u < LANES; u++) panel[k * LANES + u] = 0;
  }
}

INLINE float sum_of(V a) {
  alignas(64) float x[LANES];
  store(x, a);
  for (int64_t half = LANES / 2; half;
       half /= 2) // by halves: four additions wait for one another, not fifteen
    for (int64_t u = 0; u < half; u++) x[u] += x[u + half];
  return x[0];
}
INLINE V negative(V a) { return sub(set1(0), a); }
INLINE V magnitude(V a) { return where_above(set1(0), a, negative(a), a); }
// NaN where either is NaN, as NumPy and torch have it
INLINE V maximum(V a, V b) { return where_nan(a, a, where_nan(b, b, where_above(a, b, a, b))); }
INLINE V select(V mask, V a, V b) { return where_above(mask, set1(0), a, b); }

} // namespace HIDDENSTATE_ISA
} // namespace hiddenstate
