#include "exchange/relay_complaints.hpp"

#include <algorithm>
#include <set>

namespace detox {

void RelayComplaints::add(std::uint64_t step, std::uint32_t author, std::uint32_t relay) {
  said_[step].emplace(author, relay);
}

std::vector<std::uint32_t> RelayComplaints::judge(std::uint64_t latest) {
  std::set<std::uint32_t> blamed;
  for (; !said_.empty() && said_.begin()->first <= latest; said_.erase(said_.begin())) {
    const auto& [step, complaints] = *said_.begin();
    for (const auto& [author, relay] : complaints) {
      if (complaints.contains(relay)) continue;
      latest_[author] = {step, relay};
      authors_of_[relay][author] = step;
      blamed.insert(relay);
    }
  }
  return {blamed.begin(), blamed.end()};
}

void RelayComplaints::set_places(std::uint64_t step) {
  std::ranges::fill(places_, 0);
  std::erase_if(latest_, [&](const auto& entry) { return entry.second.step + kAsideSteps < step; });
  for (const auto& [author, complaint] : latest_) places_[author] = places_[complaint.relay] = 1;
  for (auto& [relay, authors] : authors_of_) {
    std::erase_if(authors,
                  [&](const auto& entry) { return entry.second + kRememberedSteps < step; });
    if (authors.size() > q_) places_[relay] = 2;
  }
}

std::vector<std::uint32_t> RelayComplaints::end_step(std::uint64_t step) {
  std::vector<std::uint32_t> blamed;
  if (step > kHeardSteps) blamed = judge(step - kHeardSteps);
  if (!authors_of_.empty()) set_places(step);
  std::erase_if(blamed, [this](std::uint32_t relay) { return places_[relay] < 2; });
  return blamed;
}

}  // namespace detox
