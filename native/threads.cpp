// Work on several threads: on the team that torch's OpenMP already keeps or, where team() was not told of
// one, on threads of our own, which are kept.
#include "layer.h"
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif
#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace hiddenstate {

// Denormal numbers cost torch 17 times; results that small are zero here. The caller's mode comes back.
struct FlushDenormals {
#if defined(__x86_64__) || defined(_M_X64)
  unsigned before = _mm_getcsr();
  FlushDenormals() { _mm_setcsr(before | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(before); }
#elif defined(__aarch64__) && defined(__GNUC__)
  uint64_t before;
  FlushDenormals() {
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | uint64_t(1) << 24));
  }
  ~FlushDenormals() { __asm__ volatile("msr fpcr, %0" : : "r"(before)); }
#endif
  FlushDenormals(const FlushDenormals &) = delete;
  FlushDenormals &operator=(const FlushDenormals &) = delete;
};

// One region: its shares, and what the first of them that failed threw, as nothing may be thrown out of a
// thread that somebody else owns.
struct Region {
  void (*work)(void *, int);
  void *context;
  int shares;
  std::atomic<int> next{1}; // share 0 is the caller's
  std::atomic<bool> failed{false};
  std::exception_ptr error{};

  void share(int t) {
    try {
      FlushDenormals flush;
      work(context, t);
    } catch (...) {
      if (!failed.exchange(true)) error = std::current_exception();
    }
  }
  void shares_left() {
    for (int t = next++; t < shares && !failed; t = next++) share(t);
  }
};

// --- the team that torch keeps ---

static std::atomic<bool> forked{false};
static std::atomic<const Team *> given{nullptr};

void team(const Team &told) {
  static Team kept;
  if (forked) return; // OpenMP's threads stay behind in a fork, and GNU's would be waited for without end
  kept = told;
  given = &kept;
}

// A team may have fewer threads than were asked for: a limit, a region within a region.
static void on_team(const Team &theirs, Region &region) {
  struct Both {
    const Team &team;
    Region &region;
  } both{theirs, region};
  theirs.parallel(
      [](void *at) {
        const auto &[team, region] = *static_cast<Both *>(at);
        for (int t = team.number(); t < region.shares; t += team.count()) region.share(t);
      },
      &both, unsigned(region.shares), 0);
}

// --- threads of our own ---

// They sleep until a region comes, and take what shares are left then: who wakes late finds nothing to do and
// is waited for by nobody. A pool lives as long as its process.
class Pool {
public:
  // False where another region is at work here: another caller's, or one of which this is a share.
  bool run(Region &region) {
    if (busy.exchange(true)) return false;
    {
      const std::lock_guard<std::mutex> held(lock);
      grow(region.shares - 1);
      now = &region;
    }
    wake.notify_all();
    region.share(0);
    region.shares_left();
    std::unique_lock<std::mutex> held(lock);
    now = nullptr;
    done.wait(held, [&] { return working == 0; });
    busy = false;
    return true;
  }

private:
  std::atomic<bool> busy{false};
  std::mutex lock;
  std::condition_variable wake, done;
  Region *now = nullptr;
  int threads = 0, working = 0;

  void grow(int wanted) {
    try {
      for (; threads < wanted; threads++) std::thread([this] { wait_and_work(); }).detach();
    } catch (const std::system_error &) { // the system gives no more: those that are here take all shares
    }
  }

  void wait_and_work() {
    for (std::unique_lock<std::mutex> held(lock);;) {
      wake.wait(held, [&] { return now && now->next < now->shares; });
      Region &region = *now;
      working++;
      held.unlock();
      region.shares_left();
      held.lock();
      if (--working == 0) done.notify_all();
    }
  }
};

static std::atomic<Pool *> pool{nullptr};

static Pool &own_pool() {
  if (Pool *kept = pool) return *kept;
  auto *fresh = new Pool;
  Pool *kept = nullptr;
  if (pool.compare_exchange_strong(kept, fresh)) return *fresh;
  delete fresh; // no thread is in it yet
  return *kept;
}

// The child of a fork has the memory of its parent and none of its threads: it begins a pool of its own.
#if !defined(_WIN32)
[[maybe_unused]] static const int watched = pthread_atfork(nullptr, nullptr, [] {
  forked = true;
  given = nullptr, pool = nullptr;
});
#endif

void parallel(int threads, void (*work)(void *, int), void *context) {
  Region region{work, context, threads};
  const Team *theirs = given;
  if (threads <= 1)
    region.share(0);
  else if (theirs)
    on_team(*theirs, region);
  else if (!own_pool().run(region)) {
    region.share(0);
    region.shares_left();
  }
  if (region.failed) std::rethrow_exception(region.error);
}

} // namespace hiddenstate
