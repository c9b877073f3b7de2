#include "round/stand_in.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "comm/frame.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr double kMostWaitingSeconds = 60;

}  // namespace

SharedClock::SharedClock(const std::filesystem::path& file, std::size_t workers, std::size_t steps,
                         bool make)
    : file_(file),
      workers_(workers),
      steps_(steps),
      bytes_(kPoints * (steps + 1) * workers * sizeof(std::atomic<double>)),
      is_maker_(make) {
  const int descriptor = open(file.c_str(), make ? O_RDWR | O_CREAT | O_EXCL : O_RDWR, 0600);
  if (descriptor < 0) throw InputError(fmt::format("{}: cannot be opened", file.string()));
  const bool is_long = !make || ftruncate(descriptor, static_cast<off_t>(bytes_)) == 0;
  void* memory = is_long ? mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
                         : MAP_FAILED;
  close(descriptor);
  if (memory == MAP_FAILED) throw InputError(fmt::format("{}: cannot be mapped", file.string()));
  times_ = static_cast<std::atomic<double>*>(memory);
}

SharedClock::~SharedClock() {
  munmap(times_, bytes_);
  std::error_code ignored;
  if (is_maker_) std::filesystem::remove(file_, ignored);
}

double SharedClock::now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

std::atomic<double>& SharedClock::at(Point point, std::uint64_t step, std::size_t worker) const {
  return times_[(static_cast<std::size_t>(point) * (steps_ + 1) + step) * workers_ + worker];
}

void SharedClock::reached(Point point, std::uint64_t step, std::size_t worker) {
  at(point, step, worker) = now();
}

void SharedClock::wait_for_all(Point point, std::uint64_t step) const {
  const double begin = now();
  while (last(point, step) == 0 && now() - begin < kMostWaitingSeconds) usleep(200);
}

double SharedClock::last(Point point, std::uint64_t step) const {
  double latest = 0;
  for (std::size_t worker = 0; worker < workers_; ++worker) {
    const double time = at(point, step, worker);
    if (time == 0) return 0;
    latest = std::max(latest, time);
  }
  return latest;
}

void random_gradient(std::uint64_t draws, std::span<float> out) {
  const auto low = static_cast<std::uint32_t>(draws),
             high = static_cast<std::uint32_t>(draws >> 32U);
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint32_t x = (static_cast<std::uint32_t>(i) ^ low) * 0x9e3779b1U + high;
    x ^= x >> 15U;
    x *= 0x85ebca6bU;
    x ^= x >> 13U;
    out[i] = static_cast<float>(static_cast<std::int32_t>(x)) * 0x1p-41F;
  }
}

StandIn::StandIn(std::size_t parameters, std::size_t statistics, SharedClock* clock,
                 std::size_t worker)
    : clock_(clock), worker_(worker) {
  layout_.parameters = {{"line.weight", {static_cast<std::int64_t>(parameters)}, 0, parameters}};
  if (statistics > 0) {
    layout_.statistics = {
        {"norm.running_mean", {static_cast<std::int64_t>(statistics)}, 0, statistics}};
  }
}

ModelState StandIn::initial_state(const Key& /*key*/) {
  ModelState state;
  state.parameters.resize(layout_.parameter_count());
  state.statistics.resize(layout_.statistic_count());
  random_gradient(1, state.parameters);
  return state;
}

BatchResult StandIn::gradient(std::span<const float> /*parameters*/,
                              std::span<const float> statistics, const Batch& batch,
                              std::span<float> gradient_out, std::span<float> statistics_out) {
  random_gradient(batch.draws, gradient_out);
  std::ranges::copy(statistics, statistics_out.begin());
  if (!std::exchange(is_probed_, true) || clock_ == nullptr) return {1, 0, 0};
  ++step_;
  clock_->reached(SharedClock::kHasWeights, step_, worker_);
  // Before anybody goes on: whoever still relays weights would disturb those who are done.
  clock_->wait_for_all(SharedClock::kHasWeights, step_);
  clock_->reached(SharedClock::kHasGradient, step_, worker_);
  clock_->wait_for_all(SharedClock::kHasGradient, step_);
  return {1, 0, 0};
}

BatchResult StandIn::evaluate(const ModelView& /*state*/, const Batch& /*batch*/) { return {}; }

void TogetherTransport::send(int to, FrameBytes frame) {
  if (clock_ != nullptr && to == 0) {
    const FrameView view = parse_frame(*frame);
    if (view.kind == FrameKind::kDigest) {
      clock_->reached(SharedClock::kHasDigest, view.step, static_cast<std::size_t>(rank() - 1));
      if (holds_) clock_->wait_for_all(SharedClock::kHasDigest, view.step);
    }
  }
  inner_.send(to, std::move(frame));
}

}  // namespace detox
