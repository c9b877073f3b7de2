// The votes of a step with something in between: for fleets that stand around another one.
#pragma once

#include <functional>
#include <utility>

#include "round/fleet.hpp"

namespace detox {

class AlteredVotes final : public StepVotes {
 public:
  using Count = std::function<void(const IncomingAnswer&)>;
  AlteredVotes(StepVotes& votes, Count count) : votes_(votes), count_(std::move(count)) {}

  void count(const IncomingAnswer& answer) override { count_(answer); }
  std::vector<SliceOrder> take_orders() override { return votes_.take_orders(); }
  void pass_over(const SliceOrder& order) override { votes_.pass_over(order); }
  void make_do(std::uint32_t slice) override { votes_.make_do(slice); }
  bool ask_another(std::uint32_t slice) override { return votes_.ask_another(slice); }
  void note(const SliceOrder& of, Suspicion kind) override { votes_.note(of, kind); }
  void note(std::uint32_t worker, Suspicion kind) override { votes_.note(worker, kind); }
  SliceState state(std::uint32_t slice) const override { return votes_.state(slice); }
  std::optional<Majority> majority(std::uint32_t slice) const override {
    return votes_.majority(slice);
  }
  void settle(std::uint32_t slice, std::optional<std::span<const std::byte>> answer) override {
    votes_.settle(slice, answer);
  }
  bool has_enough() const override { return votes_.has_enough(); }

 private:
  StepVotes& votes_;
  Count count_;
};

}  // namespace detox
