// Votes in detox/detox.h.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "detox/detox.h"
#include "detox/errors.hpp"
#include "library/c_calls.hpp"
#include "stages/vote/slice_vote.hpp"

using namespace detox::c_calls;

namespace {

constexpr std::size_t kMostVoters = std::numeric_limits<std::uint16_t>::max();

void check_vote(bool has_answers, std::size_t n, bool has_place) {
  if (n > kMostVoters)
    throw detox::UsageError(fmt::format("{} workers vote; valid: 0 to {}", n, kMostVoters));
  if (!has_place || (n > 0 && !has_answers))
    throw detox::UsageError("answers, sizes, winner or agrees are NULL");
}

}  // namespace

int detox_vote(const void* const* answers, const size_t* sizes, size_t n, size_t* winner,
               unsigned char* agrees) {
  return guarded(
      [&] {
        check_vote(answers != nullptr && sizes != nullptr, n,
                   winner != nullptr && (agrees != nullptr || n == 0));
        std::vector<std::uint32_t> workers(n);
        std::iota(workers.begin(), workers.end(), 0U);
        detox::SliceVote vote(workers);
        for (std::uint32_t i = 0; i < n; ++i) {
          if (answers[i] == nullptr) {
            vote.give_up(i);
          } else {
            vote.add(i, {static_cast<const std::byte*>(answers[i]), sizes[i]});
          }
        }
        *winner = n;
        if (n > 0) std::fill_n(agrees, n, static_cast<unsigned char>(0));
        for (const detox::SliceVote::Candidate& candidate : vote.candidates()) {
          if (2 * candidate.workers.size() <= n) continue;
          *winner = *std::ranges::min_element(candidate.workers);
          for (const std::uint32_t worker : candidate.workers) agrees[worker] = 1;
        }
        return 0;
      },
      [](int code) { return code; });
}
