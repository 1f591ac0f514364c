// Work on several threads: on the team that torch's OpenMP already keeps, or on threads of our own.
#include "layer.h"
#include <thread>
#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace hiddenstate {

// Denormal numbers cost torch 17 times; results that small are zero here. The caller's mode comes back.
struct FlushDenormals {
#if defined(__x86_64__) || defined(_M_X64)
  unsigned before = _mm_getcsr();
  FlushDenormals() { _mm_setcsr(before | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(before); }
#endif
};

using GompParallel = void (*)(void (*)(void *), void *, unsigned, unsigned);
using ThreadNumber = int (*)();
static GompParallel gomp_parallel = nullptr;
static ThreadNumber thread_number = nullptr;

void team(void *parallel, void *number) {
  gomp_parallel = reinterpret_cast<GompParallel>(parallel);
  thread_number = reinterpret_cast<ThreadNumber>(number);
}

struct Work {
  void (*work)(void *, int);
  void *context;
};

void parallel(int threads, void (*work)(void *, int), void *context) {
  Work both{work, context};
  if (threads <= 1) {
    FlushDenormals flush;
    work(context, 0);
  } else if (gomp_parallel) {
    gomp_parallel(
        [](void *given) {
          FlushDenormals flush;
          Work *w = static_cast<Work *>(given);
          w->work(w->context, thread_number());
        },
        &both, unsigned(threads), 0);
  } else {
    std::vector<std::thread> others;
    for (int t = 1; t < threads; t++)
      others.emplace_back([both, t] {
        FlushDenormals flush;
        both.work(both.context, t);
      });
    {
      FlushDenormals flush;
      work(context, 0);
    }
    for (std::thread &each : others) each.join();
  }
}

} // namespace hiddenstate
