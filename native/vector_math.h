// Elementary functions on sixteen floats. Errors against exact values are at most, in units of the last place
// of the result (ulp) or absolute; tests/native/test_vector_math.py holds them on every instruction set:
//
//   exp 2 ulp · log 1 ulp · sigmoid 2.5 ulp · tanh 7 ulp, below 2.5e-36 may be 0 · softplus 4 ulp · elu 3 ulp
//   · softsign 1.5 ulp · silu 3.5 ulp, below 1.1e-36 may be 0 · normal_cdf 3e-7 absolute · gelu 3e-7 |x| ·
//   sin, cos 1.2e-7 absolute for |x| <= 8192 and then by the C library
//
// NaN stays NaN; infinity gives the limit, or NaN where that would be a product or quotient of infinities
// (log of a negative number, softsign, gelu at -inf, sin, cos). Subnormal arguments count as 0, results
// below 1.2e-38 may be 0.
#pragma once
#include "simd.h"
#include <limits>

namespace hiddenstate {
namespace HIDDENSTATE_ISA {

constexpr float INF = std::numeric_limits<float>::infinity();

// exp for arguments that are known not to matter beyond these limits
INLINE V exp_inside(V x) {
  x = at_most(88.37f, at_least(-87.33f, x));
  V n = nearest(mul(x, set1(1.44269504088896341f)));
  V r = fma(n, set1(-0.693145751953125f), x);
  r = fma(n, set1(-1.42860677e-6f), r);
  V p = set1(1.9875691500e-4f);
  p = fma(p, r, set1(1.3981999507e-3f));
  p = fma(p, r, set1(8.3334519073e-3f));
  p = fma(p, r, set1(4.1665795894e-2f));
  p = fma(p, r, set1(1.6666665459e-1f));
  p = fma(p, r, set1(5.0000001201e-1f));
  p = add(fma(p, mul(r, r), r), set1(1));
  return times_power_of_two(p, n);
}

INLINE V exp(V x) {
  V y = exp_inside(x);
  y = where_above(set1(-87.33f), x, set1(0), y);
  return where_above(
      x, set1(88.37f),
      where_above(x, set1(88.7228f), set1(INF), mul(exp_inside(sub(x, set1(1))), set1(2.718281828459045f))),
      y);
}

INLINE V log(V x) {
  V e = exponent(x), m = mantissa(x);
  V large = set1(1.41421356f);
  e = where_above(m, large, add(e, set1(1)), e);
  m = sub(where_above(m, large, mul(m, set1(0.5f)), m), set1(1));
  V z = mul(m, m);
  V p = set1(7.0376836292e-2f);
  p = fma(p, m, set1(-1.1514610310e-1f));
  p = fma(p, m, set1(1.1676998740e-1f));
  p = fma(p, m, set1(-1.2420140846e-1f));
  p = fma(p, m, set1(1.4249322787e-1f));
  p = fma(p, m, set1(-1.6668057665e-1f));
  p = fma(p, m, set1(2.0000714765e-1f));
  p = fma(p, m, set1(-2.4999993993e-1f));
  p = fma(p, m, set1(3.3333331174e-1f));
  p = mul(mul(p, m), z);
  p = fma(e, set1(-2.12194440e-4f), p);
  p = fma(z, set1(-0.5f), p);
  V y = fma(e, set1(0.693359375f), add(m, p));
  V tiny = set1(1.17549435e-38f);
  y = where_above(tiny, x, where_above(set1(0), x, set1(NAN), set1(-INF)), y);
  y = where_above(x, set1(3.4028234e38f), x, y);
  return where_nan(x, x, y);
}

INLINE V sigmoid(V x) { return reciprocal(add(set1(1), exp_inside(negative(x)))); }

// where the quotient below is 1 as it is rounded, so that 1 - y y is 0 from there on
#if defined(HIDDENSTATE_AVX512) || defined(HIDDENSTATE_AVX2)
constexpr float TANH_IS_ONE = 7.99881172180175781f;
#else
constexpr float TANH_IS_ONE = 7.90531110763549805f;
#endif

INLINE V tanh(V x) {
  x = at_most(TANH_IS_ONE, at_least(-TANH_IS_ONE, x));
  V s = mul(x, x);
  V p = set1(-2.76076847742355e-16f);
  p = fma(p, s, set1(2.00018790482477e-13f));
  p = fma(p, s, set1(-8.60467152213735e-11f));
  p = fma(p, s, set1(5.12229709037114e-08f));
  p = fma(p, s, set1(1.48572235717979e-05f));
  p = fma(p, s, set1(6.37261928875436e-04f));
  p = fma(p, s, set1(4.89352455891786e-03f));
  p = mul(p, x);
  V q = set1(1.19825839466702e-06f);
  q = fma(q, s, set1(1.18534705686654e-04f));
  q = fma(q, s, set1(2.26843463243900e-03f));
  q = fma(q, s, set1(4.89352518554385e-03f));
  return mul(p, reciprocal(q));
}

// log(1 + u) without loss for small u: what 1 + u rounds away is put back by the quotient
INLINE V log_one_plus(V u) {
  V w = add(set1(1), u), d = sub(w, set1(1));
  V y = mul(log(w), div(u, d));
  return where_above(d, set1(0), y, where_nan(u, u, u));
}

INLINE V softplus(V x) {
  V small = log_one_plus(exp(negative(magnitude(x))));
  return where_nan(x, x, add(where_above(x, set1(0), x, set1(0)), small));
}

INLINE V exp_minus_one(V x) {
  V u = exp(x), d = sub(u, set1(1));
  V y = mul(d, div(x, log(u)));
  y = where_above(set1(-0.99999994f), d, set1(-1), y);
  V flat = where_above(magnitude(d), set1(0), y, x);
  return where_above(x, set1(80), u, flat);
}

INLINE V erf(V x) {
  x = at_most(4, at_least(-4, x));
  V s = mul(x, x);
  V p = set1(-2.72614225801306e-10f);
  p = fma(p, s, set1(2.77068142495902e-08f));
  p = fma(p, s, set1(-2.10102402082508e-06f));
  p = fma(p, s, set1(-5.69250639462346e-05f));
  p = fma(p, s, set1(-7.34990630326855e-04f));
  p = fma(p, s, set1(-2.95459980854025e-03f));
  p = fma(p, s, set1(-1.60960333262415e-02f));
  p = mul(p, x);
  V q = set1(-1.45660718464996e-05f);
  q = fma(q, s, set1(-2.13374055278905e-04f));
  q = fma(q, s, set1(-1.68282697438203e-03f));
  q = fma(q, s, set1(-7.37332916720468e-03f));
  q = fma(q, s, set1(-1.42647390514189e-02f));
  return div(p, q);
}

INLINE V normal_cdf(V x) { return mul(set1(0.5f), add(set1(1), erf(mul(x, set1(0.70710678118654752f))))); }

// sin(x + quarters * pi / 2)
INLINE V sine(V x, float quarters) {
  V n = nearest(mul(x, set1(0.63661977236758134f)));
  V r = fma(n, set1(-1.5703125f), x);
  r = fma(n, set1(-4.837512969970703125e-4f), r);
  r = fma(n, set1(-7.54978995489188216e-8f), r);
  V z = mul(r, r);
  V s = fma(fma(set1(-1.9515295891e-4f), z, set1(8.3321608736e-3f)), z, set1(-1.6666654611e-1f));
  s = fma(mul(s, z), r, r);
  V c =
      fma(fma(set1(2.443315711809948e-5f), z, set1(-1.388731625493765e-3f)), z, set1(4.166664568298827e-2f));
  c = fma(mul(c, z), z, fma(z, set1(-0.5f), set1(1)));
  V q = add(n, set1(quarters));
  q = sub(q, mul(set1(4), nearest(fma(q, set1(0.25f), set1(-0.375f))))); // 0, 1, 2 or 3
  V y = where_above(q, set1(0.5f), where_above(q, set1(1.5f), s, c), s);
  y = where_above(q, set1(2.5f), c, y);
  y = where_above(q, set1(1.5f), negative(y), y);
  alignas(64) float given[LANES], found[LANES];
  store(given, x);
  store(found, y);
  for (int i = 0; i < LANES; i++) // a lane at a time: none may depend on its neighbours
    if (!(given[i] <= 8192 && given[i] >= -8192))
      found[i] = quarters == 0 ? std::sin(given[i]) : std::cos(given[i]);
  return load(found);
}

} // namespace HIDDENSTATE_ISA
} // namespace hiddenstate
