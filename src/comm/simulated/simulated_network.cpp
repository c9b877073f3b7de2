#include "comm/simulated/simulated_network.hpp"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "comm/simulated/simulated_turns.hpp"

namespace detox {
namespace {

constexpr double kLookCost = 2e-7;  // of looking for a frame that is not there

}  // namespace

/// Touched by who has the turn.
struct SimulatedNetwork::State {
  struct Link {
    Clock::time_point last_arrival{}, lost_after = Clock::time_point::max();
    std::size_t not_left = 0;  ///< frames that the receiver has not taken in
  };
  struct Arrived {
    std::size_t from;
    FrameBytes frame;
  };
  struct Rank {
    std::unique_ptr<Endpoint> endpoint;
    std::deque<Arrived> mailbox;
    std::vector<Link> links;  ///< by receiver
    double latency_times = 1;
    bool waits_for_frame = false, waits_for_leaving = false, waits_for_task = false;
  };

  State(std::size_t size, const SimulatedWorld& the_world)
      : world(the_world),
        turns(
            size, the_world.seed, the_world.end,
            [this](SimulatedTurns::Event& event) { arrive(event); },
            [this](std::size_t rank) { lose_last_frames(rank); }),
        ranks(size) {}

  void arrive(SimulatedTurns::Event& event);

  void lose_last_frames(std::size_t rank) {
    for (Link& link : ranks[rank].links) {
      link.lost_after = turns.now() + simulated_duration(turns.uniform(0, 2 * world.most_latency));
    }
  }

  void send(std::size_t from, std::size_t to, FrameBytes frame) {
    if (turns.is_dead(from)) return;
    double latency = turns.uniform(world.least_latency, world.most_latency) *
                     ranks[from].latency_times * ranks[to].latency_times;
    if (world.tail_share > 0 && turns.uniform(0, 1) < world.tail_share) latency *= world.tail_times;
    Link& link = ranks[from].links[to];
    link.last_arrival = std::max(turns.now_of(from) + simulated_duration(latency),
                                 link.last_arrival + Clock::duration(1));
    if (frame->size() > world.eager_bytes) ++link.not_left;
    turns.owe(from, world.send_cost);
    turns.push({.at = link.last_arrival,
                .kind = SimulatedTurns::Kind::kArrival,
                .rank = to,
                .from = from,
                .frame = std::move(frame)});
  }

  void has_left(std::size_t from, std::size_t to, const FrameBytes& frame) {
    if (frame->size() <= world.eager_bytes) return;
    --ranks[from].links[to].not_left;
    if (ranks[from].waits_for_leaving) turns.wake(from);
  }

  SimulatedWorld world;
  SimulatedTurns turns;
  std::vector<Rank> ranks;
};

class SimulatedNetwork::Endpoint final : public Transport, private Clock {
 public:
  Endpoint(State& state, std::size_t rank)
      : state_(state), rank_(rank), peers_(state.ranks.size()) {}

  int rank() const override { return static_cast<int>(rank_); }
  int size() const override { return static_cast<int>(state_.ranks.size()); }
  const Clock& clock() const override { return *this; }

  void send(int to, FrameBytes frame) override {
    DETOX_ASSERT(to >= 0 && to < size() && to != rank() && frame != nullptr);
    counters_.bytes_sent += frame->size();
    ++counters_.frames_sent;
    state_.send(rank_, static_cast<std::size_t>(to), std::move(frame));
  }

  std::optional<ReceivedFrame> receive(std::chrono::milliseconds timeout,
                                       std::size_t max_bytes) override {
    const time_point deadline = now() + timeout;
    state_.turns.settle(rank_);
    State::Rank& self = state_.ranks[rank_];
    while (true) {
      while (!self.mailbox.empty()) {
        if (auto frame = take(self, max_bytes)) return frame;
      }
      if (state_.turns.now() >= deadline) {
        state_.turns.owe(rank_, kLookCost);
        return std::nullopt;
      }
      wait_for(self.waits_for_frame, deadline);
    }
  }

  void shut_out(int rank) override {
    const auto from = static_cast<std::size_t>(rank);
    peers_[from].shut_out = true;
    std::erase_if(state_.ranks[rank_].mailbox, [&](const State::Arrived& arrived) {
      if (arrived.from != from) return false;
      state_.has_left(from, rank_, arrived.frame);
      return true;
    });
  }

  const PeerCounters& peer(int rank) const override {
    return peers_[static_cast<std::size_t>(rank)];
  }

  bool flush(int to, std::chrono::milliseconds timeout) override {
    const time_point deadline = now() + timeout;
    while (!have_left(to)) {
      if (now() >= deadline) return false;
      state_.turns.settle(rank_);
      wait_for(state_.ranks[rank_].waits_for_leaving, deadline);
    }
    return true;
  }

  const TransportCounters& counters() const override { return counters_; }

  /// False where it is thrown away.
  bool offer(std::size_t from) {
    ++peers_[from].offered;
    return !peers_[from].shut_out;
  }

 private:
  time_point now() const override { return state_.turns.now_of(rank_); }

  void wait_for(bool& wakes, time_point deadline) {
    wakes = true;
    state_.turns.wait(rank_, deadline);
    wakes = false;
  }

  std::optional<ReceivedFrame> take(State::Rank& self, std::size_t max_bytes) {
    const State::Arrived arrived = std::move(self.mailbox.front());
    self.mailbox.pop_front();
    state_.turns.owe(rank_, state_.world.receive_cost);
    state_.has_left(arrived.from, rank_, arrived.frame);
    if (arrived.frame->size() > max_bytes) {
      --peers_[arrived.from].offered;
      ++peers_[arrived.from].oversized;
      if (arrived.from != 0) shut_out(static_cast<int>(arrived.from));
      return std::nullopt;
    }
    counters_.bytes_received += arrived.frame->size();
    ++counters_.frames_received;
    return ReceivedFrame{static_cast<int>(arrived.from), *arrived.frame};
  }

  bool have_left(int to) const {
    const std::vector<State::Link>& links = state_.ranks[rank_].links;
    if (to >= 0) return links[static_cast<std::size_t>(to)].not_left == 0;
    return std::ranges::all_of(links, [](const State::Link& link) { return link.not_left == 0; });
  }

  State& state_;
  std::size_t rank_;
  std::vector<PeerCounters> peers_;
  TransportCounters counters_;
};

void SimulatedNetwork::State::arrive(SimulatedTurns::Event& event) {
  Rank& receiver = ranks[event.rank];
  if (turns.is_gone(event.rank) || event.at > ranks[event.from].links[event.rank].lost_after)
    return;
  if (!receiver.endpoint->offer(event.from)) return has_left(event.from, event.rank, event.frame);
  receiver.mailbox.push_back({event.from, std::move(event.frame)});
  if (receiver.waits_for_frame) turns.wake(event.rank);
}

/// They may go after their rank has died: then what is left is done at once.
class SimulatedNetwork::Tasks final : public BackgroundTasks {
 public:
  Tasks(State& state, std::size_t rank, std::size_t threads)
      : state_(state), rank_(rank), free_at_(threads) {}
  ~Tasks() override { Tasks::wait_until_at_most(0); }
  Tasks(const Tasks&) = delete;
  Tasks& operator=(const Tasks&) = delete;

  void add(std::function<void(std::size_t)> task) override {
    const auto thread = std::ranges::min_element(free_at_);
    const double seconds = state_.turns.uniform(state_.world.least_task, state_.world.most_task);
    *thread = std::max(*thread, state_.turns.now_of(rank_)) + simulated_duration(seconds);
    auto job = std::make_shared<Job>();
    job->task = std::move(task);
    job->thread = static_cast<std::size_t>(thread - free_at_.begin());
    unfinished_.push_back(job);
    state_.turns.push(
        {.at = *thread, .kind = SimulatedTurns::Kind::kTask, .rank = rank_, .work = [this, job] {
           if (!job->is_done) finish(*job);
         }});
  }

  std::size_t unfinished() override { return unfinished_.size(); }

  void wait_until_at_most(std::size_t unfinished) override {
    bool& wakes = state_.ranks[rank_].waits_for_task;
    while (unfinished_.size() > unfinished) {
      if (state_.turns.is_dead(rank_)) {
        finish(*unfinished_.front());
        continue;
      }
      wakes = true;
      state_.turns.wait(rank_);
      wakes = false;
    }
  }

 private:
  struct Job {
    std::function<void(std::size_t)> task;
    std::size_t thread = 0;
    bool is_done = false;
  };
  void finish(Job& job) {
    job.task(job.thread);
    job.is_done = true;
    std::erase_if(unfinished_, [&job](const auto& one) { return one.get() == &job; });
    if (state_.ranks[rank_].waits_for_task) state_.turns.wake(rank_);
  }

  State& state_;
  std::size_t rank_;
  std::vector<Clock::time_point> free_at_;  ///< by thread
  std::vector<std::shared_ptr<Job>> unfinished_;
};

SimulatedNetwork::SimulatedNetwork(int size, const SimulatedWorld& world)
    : state_(std::make_unique<State>(static_cast<std::size_t>(size), world)) {
  for (std::size_t rank = 0; rank < state_->ranks.size(); ++rank) {
    state_->ranks[rank].links.resize(state_->ranks.size());
    state_->ranks[rank].endpoint = std::make_unique<Endpoint>(*state_, rank);
  }
}

SimulatedNetwork::~SimulatedNetwork() = default;

Transport& SimulatedNetwork::endpoint(int rank) {
  return *state_->ranks[static_cast<std::size_t>(rank)].endpoint;
}

BackgroundTasksMaker SimulatedNetwork::tasks_of(int rank) {
  return [this, rank](std::size_t threads) {
    return std::make_unique<Tasks>(*state_, static_cast<std::size_t>(rank), threads);
  };
}

void SimulatedNetwork::kill(int rank, double at) {
  state_->turns.push({.at = SimulatedTurns::time_at(at),
                      .kind = SimulatedTurns::Kind::kDeath,
                      .rank = static_cast<std::size_t>(rank)});
}

void SimulatedNetwork::pause(int rank, double at, double seconds) {
  state_->turns.push({.at = SimulatedTurns::time_at(at),
                      .kind = SimulatedTurns::Kind::kPause,
                      .rank = static_cast<std::size_t>(rank),
                      .seconds = seconds});
}

void SimulatedNetwork::slow_link(int rank, double times) {
  state_->ranks[static_cast<std::size_t>(rank)].latency_times = times;
}

void SimulatedNetwork::pass(int rank, double seconds) {
  state_->turns.owe(static_cast<std::size_t>(rank), seconds);
  state_->turns.settle(static_cast<std::size_t>(rank));
}

double SimulatedNetwork::seconds() const { return state_->turns.seconds(); }

double SimulatedNetwork::paused_seconds(int rank) const {
  return state_->turns.paused_seconds(static_cast<std::size_t>(rank));
}

bool SimulatedNetwork::is_dead(int rank) const {
  return state_->turns.is_dead(static_cast<std::size_t>(rank));
}

bool SimulatedNetwork::was_cut_off() const { return state_->turns.was_cut_off(); }
std::uint64_t SimulatedNetwork::trace() const { return state_->turns.trace(); }

void SimulatedNetwork::tell_events(std::function<void(std::string_view)> tell) {
  state_->turns.tell_events(std::move(tell));
}

void SimulatedNetwork::run(const std::function<void(int)>& body) {
  state_->turns.run([&body](std::size_t rank) { body(static_cast<int>(rank)); });
}

}  // namespace detox
