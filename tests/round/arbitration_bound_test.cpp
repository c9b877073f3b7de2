// However q liars lie, are silent, or promise and do not deliver, and whoever else is silent:
// nobody honest is convicted, and they own no more slices than the rule is told.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "config/defence_plan.hpp"
#include "round/ballot.hpp"
#include "round/evictions.hpp"

namespace detox {
namespace {

/// A run whose q liars draw what to do, for each order, or where they have most to win.
class DrawnRun {
 public:
  explicit DrawnRun(std::uint64_t seed)
      : random_(seed),
        key_(key_from_seed(seed)),
        plan_(drawn_plan()),
        evictions_({.workers = plan_.workers, .after = 1 + below(2), .most = plan_.q}),
        dead_(plan_.workers),
        liar_share_(below(3) == 0 ? 0 : 10 * below(10)),
        is_server_wrong_(below(10) == 0) {}

  void run(std::uint64_t steps) {
    for (std::uint64_t step = 1; step <= steps; ++step) take(step);
  }

 private:
  enum class Deed { kTruth, kLie, kOwnLie, kSilent, kBrokenLie, kBrokenTruth };
  static std::span<const std::byte> bytes(const std::string& text) {
    return std::as_bytes(std::span(text));
  }

  std::size_t below(std::size_t n) { return random_() % n; }
  bool in_percent(std::size_t share) { return below(100) < share; }

  DefencePlan drawn_plan() {
    DefencePlan plan;
    plan.workers = 3 + below(14);
    plan.q = 1 + below((plan.workers - 1) / 2);
    const std::size_t copies = 1 + below(std::min<std::size_t>(3, plan.workers - 1));
    plan.arbitrated.emplace();
    Dealing& dealing = plan.arbitrated->dealing;
    dealing.workers = plan.workers;
    dealing.q = plan.q;
    dealing.copies = copies;
    dealing.slices = 1 + below(below(3) == 0 ? plan.workers : plan.workers / copies);
    dealing.audit_rate = copies == 1 ? std::array{0.01, 0.1, 0.5, 0.9}[below(4)] : 0;
    plan.arbitrated->by_server = below(2) == 0;
    plan.arbitrated->recheck = std::array{0.0, 0.1, 1.0}[below(3)];
    plan.k = dealing.slices;
    plan.r = copies;
    return plan;
  }

  bool is_liar(std::uint32_t worker) const { return worker < plan_.q; }

  Deed deed_of(std::uint32_t worker) {
    if (dead_[worker]) return Deed::kSilent;
    if (!is_liar(worker) || in_percent(liar_share_)) return Deed::kTruth;
    return static_cast<Deed>(below(6));
  }

  void take(std::uint64_t step) {
    if (in_percent(10)) dead_[below(plan_.workers)] = in_percent(70);
    std::vector<bool> absent(plan_.workers), away(plan_.workers);
    for (std::uint32_t worker = 0; worker < plan_.workers; ++worker) {
      absent[worker] = evictions_.is_out(worker);
      away[worker] = absent[worker] || (dead_[worker] && in_percent(80));
    }
    const Assignment assignment = plan_.deal(key_, step, away, evictions_.out());
    const Arbitration arbitration{.by_server = plan_.arbitrated->by_server,
                                  .truth = plan_.q + 1,
                                  .dealing = plan_.arbitrated->dealing,
                                  .liars = plan_.q - evictions_.out(),
                                  .rechecked = plan_.rechecked(key_, step)};
    Ballot ballot({.round = step,
                   .assignment = assignment,
                   .absent = absent,
                   .answer_bytes = kTruth.size(),
                   .enough = plan_.k,
                   .recent = recent_,
                   .arbitration = &arbitration});
    std::vector<std::vector<bool>> delivers(plan_.k, std::vector<bool>(plan_.workers));
    do {
      answer(step, ballot, delivers);
    } while (fetch(ballot, delivers));
    ballot.close(true);
    check(ballot);
    std::vector<std::uint32_t> convicted;
    for (const LedgerEntry& entry : ballot.ledger()) {
      if (entry.kind != Suspicion::kConvicted) continue;
      EXPECT_TRUE(is_liar(entry.worker)) << "step " << step;
      if (std::ranges::find(convicted, entry.worker) == convicted.end())
        convicted.push_back(entry.worker);
    }
    evictions_.book(step, convicted);
  }

  void answer(std::uint64_t step, Ballot& ballot, std::vector<std::vector<bool>>& delivers) {
    for (auto orders = ballot.take_orders(); !orders.empty(); orders = ballot.take_orders()) {
      std::ranges::shuffle(orders, random_);
      for (const SliceOrder& order : orders) {
        if (order.worker == kTheServer) {
          const std::string& found = is_server_wrong_ ? kWrong : kTruth;
          ballot.count({step, kTheServer, order.slice, bytes(found), true});
          const auto majority = ballot.majority(order.slice);
          if (majority && std::ranges::equal(majority->bytes, bytes(found)))
            ballot.settle(order.slice, bytes(found));
          continue;
        }
        const Deed deed = deed_of(order.worker);
        if (deed == Deed::kSilent) {
          ballot.pass_over(order);
          continue;
        }
        delivers[order.slice][order.worker] =
            deed != Deed::kBrokenLie && deed != Deed::kBrokenTruth;
        const bool is_true = deed == Deed::kTruth || deed == Deed::kBrokenTruth;
        const bool is_own = deed == Deed::kOwnLie;
        const std::string& text = is_true ? kTruth : is_own ? own_[order.worker] : kLie;
        ballot.count({step, order.worker, order.slice, bytes(text), true});
      }
    }
  }

  /// Whether there are orders again.
  bool fetch(Ballot& ballot, const std::vector<std::vector<bool>>& delivers) {
    bool is_asked = false;
    for (std::uint32_t slice = 0; slice < plan_.k; ++slice) {
      if (ballot.state(slice) != SliceState::kMajority) continue;
      const auto majority = ballot.majority(slice);
      const bool comes = std::ranges::any_of(
          majority->workers, [&](std::uint32_t worker) { return delivers[slice][worker]; });
      if (comes) {
        ballot.settle(slice, majority->bytes);
      } else if (ballot.ask_another(slice)) {
        is_asked = true;
      } else {
        ballot.settle(slice, std::nullopt);
      }
    }
    return is_asked;
  }

  void check(const Ballot& ballot) {
    std::size_t corrupt = 0;
    for (const std::uint32_t slice : ballot.used())
      corrupt += std::ranges::equal(ballot.answer(slice), bytes(kTruth)) ? 0 : 1;
    EXPECT_LE(corrupt, plan_.arbitrated->dealing.f());
  }

  inline static const std::string kTruth = "true", kLie = "lie!", kWrong = "rot ";
  std::mt19937_64 random_;
  Key key_;
  DefencePlan plan_;
  Evictions evictions_;
  std::vector<bool> dead_;
  std::size_t liar_share_;  ///< in percent: how often they tell the truth
  bool is_server_wrong_;    ///< its computing is what nobody else says
  std::vector<std::string> own_ = [] {
    std::vector<std::string> texts;
    texts.reserve(100);
    for (int i = 0; i < 100; ++i) texts.push_back("me" + std::to_string(10 + i).substr(0, 2));
    return texts;
  }();
  RecentSteps recent_;
};

#if defined(DETOX_SANITIZES_THREAD) || defined(DETOX_SANITIZES_ADDRESS)
constexpr std::uint64_t kDrawn = 20;
#else
constexpr std::uint64_t kDrawn = 300;
#endif

TEST(ArbitrationBound, HoldsWhateverLiarsDoAndConvictsNobodyHonest) {
  for (std::uint64_t seed = 1; seed <= kDrawn; ++seed) {
    SCOPED_TRACE(seed);
    DrawnRun(seed).run(30);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace detox
