// The time loop: for each step its stages, for each stage its products, normalisations and code.
#pragma once
#include "interpreter.h"

namespace hiddenstate {
namespace HIDDENSTATE_ISA {

// The sum of f(u) over a row; what lies beyond the width counts nothing.
template <class Term> INLINE float row_sum(int64_t width, Term &&term) {
  V sum = set1(0);
  for (int64_t u = 0; u + LANES <= width; u += LANES) sum = add(sum, term(u, LANES));
  if (const int64_t rest = width % LANES; rest) {
    alignas(64) float last[LANES];
    store(last, term(width - rest, rest));
    std::fill(last + rest, last + LANES, 0.0f);
    sum = add(sum, load(last));
  }
  return sum_of(sum);
}

static void norm_rows(const NormShape &norm, int64_t width, const Step &step, int64_t from, int64_t to) {
  constexpr float EPSILON = 1e-5f;
  const Buffer *buffers = step.buffers;
  for (int64_t row = from; row < to; row++) {
    const float *x = step.at(buffers[norm.source], row, 0).data;
    float *y = step.at(buffers[norm.target], row, 0).data;
    float *deviation = step.at(buffers[norm.deviation], row, 0).data;
    const V mean =
        set1(row_sum(width, [&](int64_t u, int64_t n) { return load_some(x + u, n); }) / float(width));
    if (norm.row < 0) {
      const float square = row_sum(width, [&](int64_t u, int64_t n) {
        const V d = sub(load_some(x + u, n), mean);
        return mul(d, d);
      });
      *deviation = 1 / std::sqrt(square / float(width) + EPSILON);
      for (int64_t u = 0; u < width; u += LANES) store(y + u, mul(sub(load(x + u), mean), set1(*deviation)));
    } else {
      const float *unit = step.at(buffers[norm.row], row, 0).data;
      const V along =
          set1(row_sum(width, [&](int64_t u,
                                  int64_t n) { return mul(load_some(x + u, n), load_some(unit + u, n)); }) /
               float(width));
      for (int64_t u = 0; u < width; u += LANES) {
        const V flat = sub(sub(load(x + u), mean), mul(load(unit + u), along));
        store(y + u, mul(set1(*deviation), flat));
      }
    }
  }
}

struct Runner {
  const Program &program;
  Buffer *buffers;
  float *registers, *slots;

  Runner(const Program &program_, Buffer *buffers_, float *scratch) : program(program_), buffers(buffers_) {
    registers = scratch;
    slots = scratch + most_registers(*program.half) * MOST_BLOCK;
  }

  // Tiles that one pass takes: enough vectors for the products to fill the registers and for the interpreter
  // to spread its cost.
  static int64_t group_of(const Stage &stage, int64_t rows) {
    int64_t blocks = 0;
    for (const ProductShape &shape : stage.products)
      blocks = std::max<int64_t>(blocks, shape.back ? 1 : int64_t(shape.targets.size()));
    return std::max<int64_t>(blocks ? std::max<int64_t>(1, 4 / blocks) : 1, 8 / rows);
  }

  // Groups of whole tiles, then the tile that is in part beyond the width; or from the last to the first.
  // Steps go to and fro, so that each begins with the weights that the one before read last: they are still
  // near.
  template <class Group> static void each_group(int64_t width, int64_t most, bool back, Group &&group) {
    const int64_t whole = width / LANES, full = (whole + most - 1) / most,
                  count = full + (width % LANES != 0);
    for (int64_t i = 0; i < count; i++) {
      const int64_t at = back ? count - 1 - i : i, tile = at < full ? at * most : whole;
      group(tile, at < full ? std::min(most, whole - tile) : 1);
    }
  }

  void product(const ProductShape &shape, const Packed &packed, const Step &step, int64_t row, int64_t rows,
               int64_t tile, int64_t tiles) {
    const float *a[MOST_SOURCES];
    int64_t strides[MOST_SOURCES];
    float *out[MOST_SOURCES];
    for (size_t s = 0; s < shape.sources.size(); s++) {
      const At at = step.at(buffers[shape.sources[s]], row, 0);
      a[s] = at.data, strides[s] = at.stride;
    }
    Targets targets{out, LANES, LANES, false};
    for (size_t b = 0; b < shape.targets.size(); b++) {
      const Buffer &buffer = buffers[shape.targets[b]];
      if (buffer.place == Place::SLOT) {
        out[b] = slots + buffer.stride * rows * tiles * LANES;
        targets.next_tile = rows * LANES;
      } else {
        const At at = step.at(buffer, row, tile * LANES);
        out[b] = at.data, targets.stride = at.stride;
      }
    }
    product_tiles(packed, a, strides, rows, tile, tiles, targets);
  }

  void stage(const Stage &stage, const Packed *packed, const Step &step, int64_t from, int64_t to) {
    const int64_t *sizes = program.sizes;
    if (stage.whole) {
      // forwards a norm reads a product, on the way back a product reads what came through a norm
      for (const NormShape &norm : stage.norms)
        if (norm.row >= 0) norm_rows(norm, sizes[norm.width], step, from, to);
      for (size_t i = 0; i < stage.products.size(); i++)
        each_group(packed[i].width, 4, step.odd(), [&](int64_t tile, int64_t wide) {
          in_parts(from, to, MOST_BLOCK_ROWS, [&](int64_t row, int64_t end) {
            product(stage.products[i], packed[i], step, row, end - row, tile, wide);
          });
        });
      for (const NormShape &norm : stage.norms)
        if (norm.row < 0) norm_rows(norm, sizes[norm.width], step, from, to);
    }
    const int64_t parts = (to - from + MOST_BLOCK_ROWS - 1) / MOST_BLOCK_ROWS;
    const int64_t group = group_of(stage, (to - from + parts - 1) / parts);
    for (const Code &code : stage.codes) {
      const int64_t whole = sizes[code.width] / LANES;
      each_group(sizes[code.width], group, step.odd(), [&](int64_t tile, int64_t wide) {
        in_parts(from, to, MOST_BLOCK_ROWS, [&](int64_t row, int64_t end) {
          const int64_t rows = end - row;
          if (!stage.whole)
            for (size_t i = 0; i < stage.products.size(); i++)
              if (stage.products[i].width == code.width)
                product(stage.products[i], packed[i], step, row, rows, tile, wide);
          const Block block{step, row, tile, int(rows), int(wide), slots};
          if (code.printed >= 0 && tile < whole)
            PRINTED_CODES[code.printed](block);
          else
            interpret(code, block, registers);
        });
      });
    }
  }

  // The head of the rows [from, to) of a step, which may stand for the rows of several.
  void head(const Step &step, int64_t from, int64_t to) {
    for (const Code &code : program.half->head) {
      const int64_t tiles = tiles_of(program.sizes[code.width]);
      for (int64_t tile = 0; tile < tiles; tile++)
        in_parts(from, to, MOST_BLOCK_ROWS, [&](int64_t row, int64_t end) {
          interpret(code, {step, row, tile, int(end - row), 1, slots}, registers);
        });
    }
  }

  // next = a * state + b through steps [p, until) of a sequence, a tile at a time with the state in a
  // register.
  void linear(const Rows &rows, int64_t row, int64_t p, int64_t until) {
    const std::vector<int32_t> &number = program.half->linear;
    const int64_t width = program.sizes[program.half->buffers[size_t(number[0])].width];
    while (until > p && rows.count[until - 1] <= row) until--;
    if (until == p) return;
    const Step begin{buffers, rows, p};
    const Buffer &a = buffers[number[0]], &b = buffers[number[1]];
    for (int64_t u = 0; u < width; u += LANES) {
      V state = load(begin.at(buffers[number[2]], row, u).data);
      for (int64_t q = p; q < until; q++) {
        const Step now{buffers, rows, q};
        state = add(mul(load(now.at(a, row, u).data), state), load(now.at(b, row, u).data));
        for (size_t i = 3; i < number.size(); i++)
          if (buffers[number[i]].place == Place::BY_STEP) write(now, buffers[number[i]], row, u, state);
      }
      for (size_t i = 2; i < number.size();
           i++) // wherever the next chunk, or the caller, looks for the last one
        if (buffers[number[i]].place == Place::BY_ROW) write(begin, buffers[number[i]], row, u, state);
    }
  }

  static void write(const Step &step, const Buffer &buffer, int64_t row, int64_t u, V value) {
    float *to = step.at(buffer, row, u).data;
    if (buffer.narrow && u + LANES > buffer.narrow)
      store_some(to, value, buffer.narrow - u);
    else
      store(to, value);
  }

  // Inputs and head of all rows [from, to), whatever their steps; for buffers that hold every step.
  void ahead(int64_t from, int64_t to) {
    const int64_t zero = 0;
    const Rows flat{&zero, &zero, 1}; // rows by their number among all
    const Buffer &x = program.x;
    in_parts(from, to, 96, [&](int64_t begin, int64_t end) {
      for (const InputProduct &input : program.inputs) {
        const Buffer &out = *std::find_if(buffers, buffers + program.buffers.size(), [&](const Buffer &each) {
          const BufferShape &shape = program.half->buffers[size_t(&each - buffers)];
          return shape.kind == Kind::INPUT && shape.index == input.number;
        });
        const float *rows = x.data;
        multiply(input.packed, &rows, &x.stride, out.data, out.stride, rounded_up(input.packed.width), false,
                 begin, end);
      }
      head({buffers, flat, 0}, begin, end);
    });
  }

  // The inputs of steps [p, ...) for rows [from, to), as many steps as there is room for; returns where they
  // end.
  int64_t chunk(const Rows &rows, int64_t p, int64_t from, int64_t to, float *room) {
    const Program &g = program;
    const int64_t until = std::min(rows.steps, p + std::max<int64_t>(1, g.chunk / rows.count[0]));
    const int64_t base = std::min(rows.first[p], rows.first[until - 1]);
    const auto each_part = [&](auto &&part) {
      if (from == 0 && to == rows.count[0])
        return part(base,
                    std::max(rows.first[p] + rows.count[p], rows.first[until - 1] + rows.count[until - 1]));
      for (int64_t q = p; q < until; q++)
        if (from < rows.count[q]) part(rows.first[q] + from, rows.first[q] + std::min(to, rows.count[q]));
    };
    for (const InputProduct &input : g.inputs) {
      const int64_t wide = rounded_up(input.packed.width), stride = wide * input.packed.blocks;
      const float *x = g.x.data + base * g.x.stride;
      each_part([&](int64_t begin, int64_t end) {
        multiply(input.packed, &x, &g.x.stride, room, stride, wide, false, begin - base, end - base);
      });
      for (size_t i = 0; i < g.half->buffers.size(); i++) {
        const int64_t block = g.half->buffers[i].index - input.number;
        if (g.half->buffers[i].kind == Kind::INPUT && block >= 0 && block < input.packed.blocks)
          buffers[i] = {Place::BY_STEP, room + block * wide - base * stride, stride};
      }
      room += g.chunk * stride;
    }
    return until;
  }
};

INLINE void step(Runner &runner, const Rows &rows, int64_t p, int64_t from, int64_t to) {
  const Packed *packed = runner.program.products.data();
  const Step now{runner.buffers, rows, p};
  for (const Stage &stage : runner.program.half->stages) {
    if (from < to) runner.stage(stage, packed, now, from, to);
    packed += stage.products.size();
  }
  // rows that have not begun or are over keep what they have, so the caller knows in which of the two it lies
  for (auto [one, other] : runner.program.half->swaps)
    std::swap(runner.buffers[one].data, runner.buffers[other].data);
}

// Rows never meet within a step, so a range of rows runs through all steps on its own, without waiting.
static void run(const Program &program, const Rows &rows, bool back, int64_t from, int64_t to, float *room,
                Watch &watch) {
  std::vector<Buffer> buffers = program.buffers; // this thread's own, as it exchanges some of them
  Runner runner(program, buffers.data(), room);
  room += scratch_floats(*program.half);
  for (int64_t i = 0, ready = 0; i < rows.steps; i++) {
    const int64_t p = back ? rows.steps - 1 - i : i;
    if (program.chunk && p == ready) ready = runner.chunk(rows, p, from, to, room);
    step(runner, rows, p, from, std::min(to, rows.count[p]));
    if (i % watch.steps == 0 && watch.ask && watch.ask()) watch.stopped = true;
    if (watch.stopped.load(std::memory_order_relaxed)) return;
  }
}

// What does not wait for the state, for rows [from, to) of all steps: by any number of threads.
static void ahead(const Program &program, int64_t from, int64_t to, float *scratch) {
  std::vector<Buffer> buffers = program.buffers;
  Runner(program, buffers.data(), scratch).ahead(from, to);
}

static void linear(const Program &program, const Rows &rows, int64_t p, int64_t until, int64_t from,
                   int64_t to) {
  std::vector<Buffer> buffers = program.buffers;
  Runner runner(program, buffers.data(), nullptr);
  for (int64_t row = from; row < to; row++) runner.linear(rows, row, p, until);
}

static void single_step(Program &program, int64_t count, float *scratch) {
  const int64_t first = 0;
  Runner runner(program, program.buffers.data(), scratch);
  const Rows rows{&count, &first, 1};
  runner.head({runner.buffers, rows, 0}, 0, count);
  step(runner, rows, 0, 0, count);
}

} // namespace HIDDENSTATE_ISA
} // namespace hiddenstate
