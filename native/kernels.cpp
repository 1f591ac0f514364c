// What is compiled once for each instruction set, in a namespace of its own.
#include "time_loop.h"

namespace hiddenstate {

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
const Kernels *JOIN(kernels_, HIDDENSTATE_ISA)() {
  static const Kernels table{TEXT(HIDDENSTATE_ISA),        HIDDENSTATE_ISA::pack,
                             HIDDENSTATE_ISA::run,         HIDDENSTATE_ISA::ahead,
                             HIDDENSTATE_ISA::linear,      HIDDENSTATE_ISA::single_step,
                             HIDDENSTATE_ISA::multiply,    HIDDENSTATE_ISA::outer,
                             HIDDENSTATE_ISA::column_sums, HIDDENSTATE_ISA::elementwise};
  return &table;
}

} // namespace hiddenstate
