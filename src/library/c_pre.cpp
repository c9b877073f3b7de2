// The steps before a rule in detox/detox.h.
#include <memory>
#include <span>
#include <utility>

#include "detox/detox.h"
#include "detox/errors.hpp"
#include "library/c_calls.hpp"
#include "stages/aggregate/check_rows.hpp"
#include "stages/aggregate/pre_points.hpp"

using namespace detox::c_calls;

struct detox_pre {
  detox::PrePoints points;
  std::unique_ptr<detox::ThreadPool> pool;
  detox::Workspace workspace;
  detox::Key key;
};

namespace {

/// n' for n rows.
std::size_t points_for(const detox_pre* pre, std::size_t n) {
  if (pre == nullptr) throw detox::UsageError("the steps are NULL");
  const std::string unmet = pre->points.unmet(n);
  if (!unmet.empty()) throw detox::UsageError(unmet);
  return pre->points.points_after(n);
}

void check_pre_call(const detox_call& call) {
  if (call.weights != nullptr || call.report != nullptr)
    throw detox::UsageError("steps by themselves take no weights and have no report; valid: NULL");
}

template <class Type>
void apply_to(detox_pre& pre, std::size_t points, const detox_call& call, Type type) {
  using Read = Values<Type>;
  detox::AggregationContext context{
      .pool = *pre.pool, .workspace = pre.workspace, .step = call.step, .key = pre.key};
  using T = typename Read::Type;
  T* const out = static_cast<T*>(call.out);
  detox::check_rows(rows_of<T>(call), out, points);
  pre.points.apply(Read::rows(call, type), std::span(out, points * call.d), context);
}

}  // namespace

detox_pre* detox_create_pre(const char* steps, size_t f, uint64_t seed, size_t threads) {
  return guarded(
      [&]() -> detox_pre* {
        if (steps == nullptr) throw detox::UsageError("the steps are NULL");
        return new detox_pre{.points = {f, detox::parse_pre_steps(steps)},
                             .pool = make_pool(threads),
                             .workspace = {},
                             .key = detox::key_from_seed(seed)};
      },
      [](int) -> detox_pre* { return nullptr; });
}

void detox_destroy_pre(detox_pre* pre) { delete pre; }

size_t detox_pre_points(const detox_pre* pre, size_t n) {
  return guarded([&] { return points_for(pre, n); }, [](int) { return size_t{0}; });
}

int detox_apply_pre(detox_pre* pre, const detox_call* call) {
  return guarded(
      [&] {
        check_size(call, "detox_call");
        const std::size_t points = points_for(pre, call->n);  // before so many rows are looked at
        check_pre_call(*call);
        of_any_type(*call, [&](auto type) { apply_to(*pre, points, *call, type); });
        return 0;
      },
      [](int code) { return code; });
}
