#include "stages/attack/occasions.hpp"

#include <algorithm>
#include <cstddef>

namespace detox {
namespace {

/// True in this share of all keys.
bool happens(double rate, const Key& key) {
  if (rate >= 1) return true;
  return rate > 0 && RandomStream(key).uniform() < rate;
}

/// Whether only Byzantine workers are asked: all who are not silent, or, where a lazy step asks for
/// another copy only if two differ or one does not come, the first of these.
bool is_safe(const Occasions& occasions, const StepPeople& people,
             const std::vector<std::uint32_t>& workers) {
  // Of a slice that has one copy nobody knows whether it has another.
  if (occasions.has_arbiter && workers.size() < 2) return false;
  const std::size_t most = occasions.is_lazy ? workers.size() / 2 + 1 : workers.size();
  std::size_t copies = 0;
  for (const std::uint32_t worker : workers) {
    // An arbiter's server asks somebody else instead, nobody knows whom.
    if (people.silent[worker] && occasions.has_arbiter) return false;
    if (people.silent[worker]) continue;
    if (!people.byzantine[worker]) return false;
    if (++copies == most) break;
  }
  return true;
}

}  // namespace

std::vector<bool> silent_workers(const Occasions& occasions, const std::vector<bool>& byzantine,
                                 const Key& key, std::uint64_t step) {
  std::vector<bool> silent(byzantine.size());
  for (std::size_t worker = 0; worker < byzantine.size() && occasions.silent_rate > 0; ++worker) {
    silent[worker] = byzantine[worker] &&
                     happens(occasions.silent_rate, derive_key(key, "silent", {step, worker}));
  }
  return silent;
}

bool lies_later(const Occasions& occasions, const StepPeople& people, std::uint32_t slice) {
  return occasions.lie_when == LieWhen::kAlways &&
         happens(occasions.lie_rate, derive_key(people.key, "lie", {people.step, slice}));
}

std::vector<std::uint32_t> liars_about(const Occasions& occasions, const StepPeople& people,
                                       std::uint32_t slice,
                                       const std::vector<std::uint32_t>& workers) {
  std::vector<std::uint32_t> liars;
  if (!happens(occasions.lie_rate, derive_key(people.key, "lie", {people.step, slice})))
    return liars;
  if (occasions.lie_when == LieWhen::kSafe && !is_safe(occasions, people, workers)) return liars;
  std::size_t begin = 0, end = workers.size();
  if (occasions.lie_when == LieWhen::kFirst) end = std::min<std::size_t>(1, end);
  if (occasions.lie_when == LieWhen::kSecond) {
    begin = std::min<std::size_t>(1, end);
    end = std::min<std::size_t>(2, end);
  }
  for (std::size_t i = begin; i < end; ++i) {
    if (people.byzantine[workers[i]] && !people.silent[workers[i]]) liars.push_back(workers[i]);
  }
  return liars;
}

}  // namespace detox
