#include "exchange/weights_intake.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "exchange/answer_digests.hpp"

namespace detox {
namespace {

// No chunk from a relay for so long, and for what so slow a link takes for all of them: it is
// silent.
constexpr double kQuietSeconds = 0.2, kQuietBytesASecond = 100e6;
// All of them together may take so many times the usual, or of that silence; before a usual is
// known so long, and never many times as long; and never more than this part of the step's
// deadline, because the weights have to come from the server then, and be computed with.
constexpr double kUsualTimes = 3, kQuietTimes = 2;
constexpr double kRelayingSeconds = 1, kBytesASecond = 4e6, kMostTimes = 4;
constexpr double kDeadlineShare = 1.0 / 6;
constexpr double kAskAgainSeconds = 1;  // the server may be busy, or has gone on
constexpr std::size_t kAtOnce = 8;      // chunks that the server is asked for
constexpr std::size_t kMostEarly = 64;
constexpr std::chrono::milliseconds kPassingOn(300);
constexpr std::uint64_t kStuckSteps = 64;  // in which it does not wait for who let it wait so long

}  // namespace

WeightsIntake::WeightsIntake(Transport& transport, std::size_t parameter_count,
                             std::size_t statistic_count, std::size_t chunk_bytes)
    : transport_(transport),
      clock_(transport.clock()),
      parameter_count_(parameter_count),
      statistic_count_(statistic_count),
      chunks_{(parameter_count + statistic_count) * sizeof(float), chunk_bytes},
      weights_(chunks_.bytes),
      here_(chunks_.count()) {}

std::span<const float> WeightsIntake::parameters() const {
  return weights_.floats(0, parameter_count_);
}

std::span<const float> WeightsIntake::statistics() const {
  return weights_.floats(parameter_count_ * sizeof(float), statistic_count_);
}

void WeightsIntake::expect(const OrderView& order) {
  // Others had the weights and ended the step. Where nobody is told, that goes on for ever.
  if (missing_ > 0 && !asks_ && from_ > 0 && clock_.seconds_since(begin_) > quiet_patience_s())
    ask(AskReason::kNothingCame);
  step_ = order.step;
  deadline_s_ = static_cast<double>(order.deadline_ms) / 1000;
  from_ = static_cast<int>(order.weights_from);
  asks_ = order.weights_from == kNobody;
  to_.clear();
  for (const std::uint32_t rank : order.relay_to) {
    // One that has not even taken what it was sent before would let the weights of every step pile
    // up here; it asks the server.
    if (transport_.is_idle(static_cast<int>(rank))) to_.push_back(static_cast<int>(rank));
  }
  digests_.assign(order.weights_digests.begin(), order.weights_digests.end());
  digest_ = digest_of_chunks(digests_);
  here_.assign(chunks_.count(), false);
  missing_ = chunks_.count();
  asked_ = 0;
  begin_ = last_news_ = clock_.now();
  std::deque<ReceivedFrame> early;
  early.swap(early_);
  for (ReceivedFrame& frame : early) {
    const auto chunk = parse_weights(parse_frame(frame.bytes), chunks_);
    if (chunk) take(std::move(frame), *chunk);
  }
  if (order.weights_from == kNobody && missing_ > 0) ask(AskReason::kNobodySends);
}

void WeightsIntake::take(ReceivedFrame frame, const WeightsChunkView& chunk) {
  if (chunk.step > step_) return keep_early(std::move(frame));
  if (chunk.step == step_ && (frame.from == 0 || frame.from == from_))
    take_in(std::move(frame), chunk);
}

/// Who will be the relay is not known yet. Where too much comes, whoever has sent the most loses,
/// so a flood takes no room from others.
void WeightsIntake::keep_early(ReceivedFrame frame) {
  if (early_.size() == kMostEarly) {
    std::map<int, std::size_t> held;
    for (const ReceivedFrame& other : early_) ++held[other.from];
    const int most =
        std::ranges::max_element(held, {}, [](const auto& entry) { return entry.second; })->first;
    early_.erase(std::ranges::find(early_, most, &ReceivedFrame::from));
  }
  early_.push_back(std::move(frame));
}

void WeightsIntake::take_in(ReceivedFrame frame, const WeightsChunkView& chunk) {
  if (here_[chunk.chunk]) return;
  if (digest_of(chunk.bytes) != digests_[chunk.chunk]) {
    if (frame.from == 0 || asks_)
      return;  // the server's link breaks nothing; the relay has had its turn
    asks_ = true;
    return ask(AskReason::kWrongBytes);
  }
  const auto place = chunks_.part(weights_.bytes(), chunk.chunk);
  std::memcpy(place.data(), chunk.bytes.data(), place.size());
  here_[chunk.chunk] = true;
  --missing_;
  last_news_ = clock_.now();
  if (missing_ == 0) pace_.add(clock_.seconds_since(begin_));
  if (!to_.empty()) {
    const auto passed_on = std::make_shared<const FrameBuffer>(std::move(frame.bytes));
    for (const int rank : to_) transport_.send(rank, passed_on);
  }
  if (asks_ && missing_ > 0 && --asked_ == 0) ask(AskReason::kNobodySends);
}

void WeightsIntake::ask(AskReason reason) {
  std::vector<std::uint32_t> wanted;
  for (std::uint32_t chunk = 0; chunk < here_.size() && wanted.size() < kAtOnce; ++chunk) {
    if (!here_[chunk]) wanted.push_back(chunk);
  }
  asked_ = wanted.size();
  last_news_ = clock_.now();
  transport_.send(0, make_ask_weights({step_, reason, wanted}));
}

double WeightsIntake::quiet_patience_s() const {
  return kQuietSeconds + static_cast<double>(chunks_.bytes) / kQuietBytesASecond;
}

/// What attackers made slow must not make it more patient without end, nor may they take in each
/// step what a slow link would, where honest ones are quick.
double WeightsIntake::whole_patience_s() const {
  const double unknown_s = kRelayingSeconds + static_cast<double>(chunks_.bytes) / kBytesASecond;
  const double patience_s =
      pace_.is_known() ? std::clamp(kUsualTimes * pace_.value(), kQuietTimes * quiet_patience_s(),
                                    kMostTimes * unknown_s)
                       : unknown_s;
  if (deadline_s_ == 0) return patience_s;
  return std::min(patience_s, std::max(kQuietSeconds, kDeadlineShare * deadline_s_));
}

void WeightsIntake::look_after(Clock::time_point now) {
  if (missing_ == 0) return;
  const double quiet_s = std::chrono::duration<double>(now - last_news_).count();
  if (asks_) {
    if (quiet_s > kAskAgainSeconds) ask(AskReason::kNobodySends);
    return;
  }
  if (from_ == 0) return;  // what the server sends does not get lost
  const double so_far_s = std::chrono::duration<double>(now - begin_).count();
  if (quiet_s <= quiet_patience_s() && so_far_s <= whole_patience_s()) return;
  asks_ = true;
  ask(AskReason::kNothingCame);
}

void WeightsIntake::finish_relaying() {
  const auto begin = clock_.now();
  for (const int rank : to_) {
    const auto stuck = stuck_.find(rank);
    if (stuck != stuck_.end() && step_ - stuck->second < kStuckSteps) continue;
    const auto left = kPassingOn - (clock_.now() - begin);
    const bool has_left = transport_.flush(
        rank,
        std::max(std::chrono::milliseconds(0), std::chrono::ceil<std::chrono::milliseconds>(left)));
    if (!has_left && left.count() > 0) stuck_[rank] = step_;
  }
}

}  // namespace detox
