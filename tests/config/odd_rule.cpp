// Rules of somebody's own that are not as they should be: which, says ODD_RULE at compile time.
#include <detox/rule_module.h>

#include <cmath>
#include <stdexcept>

namespace {

enum Kind {
  kFails,
  kFailsLater,
  kThrows,
  kMakesNan,
  kIsMoody,
  kIsForeign,
  kHasNoFunction,
  kHasNoName
};

constexpr Kind kKind = ODD_RULE;
int calls = 0;

int reduce(const float* const* rows, std::size_t, std::size_t d, std::size_t, float* out, void*) {
  ++calls;
  for (std::size_t i = 0; i < d; ++i) out[i] = rows[0][i];
  // The last value alone: all of a result is looked at.
  if (kKind == kMakesNan) out[d - 1] = NAN;
  if (kKind == kIsMoody) out[d - 1] += static_cast<float>(calls);
  if (kKind == kThrows) throw std::runtime_error("no mood\nfor it");
  return kKind == kFails || (kKind == kFailsLater && calls > 3) ? 7 : 0;
}

}  // namespace

#ifdef ODD_RULE_IS_FOREIGN
#undef DETOX_RULE_INTERFACE_TEXT
#define DETOX_RULE_INTERFACE_TEXT "9"
#endif
DETOX_RULE_MODULE(.name = kKind == kHasNoName ? nullptr : "odd", .requirement = nullptr,
                  .min_rows = nullptr, .reduce_float = kKind == kHasNoFunction ? nullptr : reduce,
                  .reduce_double = nullptr, .data = nullptr);
