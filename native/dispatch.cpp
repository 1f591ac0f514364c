// Which instruction set runs: the best of the processor, or what select_isa() was told. HIDDENSTATE_ISA is
// read in native.py, where a word that nobody knows becomes an error in words.
#include "layer.h"
#include <cstring>
#if defined(HIDDENSTATE_X86) && defined(_MSC_VER)
#include <immintrin.h>
#include <intrin.h>
#elif defined(HIDDENSTATE_X86)
#include <cpuid.h>
#endif

namespace hiddenstate {

const char *const OP_NAMES[OPS] = {"load",         "store",    "const",
                                   "add",          "sub",      "mul",
                                   "div",          "max",      "select",
                                   "exp",          "log",      "sigmoid",
                                   "tanh",         "relu",     "leaky_relu",
                                   "elu",          "softplus", "softsign",
                                   "hard_sigmoid", "silu",     "gelu",
                                   "normal_cdf",   "identity", "sin",
                                   "cos",          "affine",   "thresholded_relu",
                                   "scaled_tanh"};

#if defined(HIDDENSTATE_X86)

// Asked of the processor and the system themselves: not every compiler's library answers
// __builtin_cpu_supports.
struct Leaf {
  uint32_t a, b, c, d;
};

static Leaf cpuid(uint32_t leaf) {
  Leaf r{};
#if defined(_MSC_VER)
  int v[4];
  __cpuidex(v, int(leaf), 0);
  r = {uint32_t(v[0]), uint32_t(v[1]), uint32_t(v[2]), uint32_t(v[3])};
#else
  __cpuid_count(leaf, 0, r.a, r.b, r.c, r.d);
#endif
  return r;
}

// Which registers the system keeps when it switches threads; only to be asked where it set OSXSAVE.
static uint64_t saved_registers() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
#endif
}

static bool bits(uint64_t word, uint64_t wanted) { return (word & wanted) == wanted; }

static std::vector<const Kernels *> here() {
  std::vector<const Kernels *> found{kernels_scalar()};
  const uint32_t features = cpuid(1).c;
  if (cpuid(0).a < 7 || !bits(features, 1u << 27)) return found; // OSXSAVE
  const uint64_t saved = saved_registers();
  const uint32_t newer = cpuid(7).b;
  if (!bits(saved, 0x06) || !bits(features, 1u << 12) || !bits(newer, 1u << 5)) return found; // FMA, AVX2
  found.push_back(kernels_avx2());
  const uint32_t avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; // F, DQ, BW, VL
  if (bits(saved, 0xe6) && bits(newer, avx512)) found.push_back(kernels_avx512());
  return found;
}

#else

static std::vector<const Kernels *> here() { return {kernels_scalar()}; }

#endif

static const Kernels *find(const char *name) {
  for (const Kernels *each : here())
    if (!std::strcmp(each->name, name)) return each;
  return nullptr;
}

static const Kernels *&chosen() {
  static const Kernels *kernels = here().back();
  return kernels;
}

const Kernels &kernels() { return *chosen(); }

std::vector<const char *> isas() {
  std::vector<const char *> names;
  for (const Kernels *each : here()) names.push_back(each->name);
  return names;
}

bool select_isa(const char *name) {
  const Kernels *found = find(name);
  if (found) chosen() = found;
  return found != nullptr;
}

} // namespace hiddenstate
