// A job for the simulation: all of it drawn from a seed.
#pragma once

#include <cmath>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "comm/simulated/simulated_network.hpp"
#include "detox/errors.hpp"
#include "detox/random.hpp"
#include "support/faulty_transport.hpp"
#include "support/toy_run.hpp"

namespace detox {

class Draws {
 public:
  explicit Draws(const Key& key) : stream_(key) {}
  std::uint64_t below(std::uint64_t bound) { return stream_.below(bound); }
  std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    return least + stream_.below(most - least + 1);
  }
  double uniform(double least, double most) { return least + (most - least) * stream_.uniform(); }
  /// So that each order of magnitude is as likely.
  double magnitude(double least, double most) {
    return std::exp(uniform(std::log(least), std::log(most)));
  }
  bool chance(double share) { return uniform(0, 1) < share; }
  template <class Value>
  Value pick(std::initializer_list<Value> values) {
    return values.begin()[below(values.size())];
  }

 private:
  RandomStream stream_;
};

struct SimulatedJob {
  struct Pause {
    int rank;
    double at, seconds;
  };
  std::uint64_t seed = 0;
  Options options;  ///< of the run
  SimulatedWorld world;
  std::size_t workers = 0, steps = 0;
  std::size_t chunk_bytes = ToyRun::kToyChunkBytes;
  double step_timeout_s = 0, server_timeout_s = 0;
  double start_timeout_s = 0;                 ///< of admission and of the first step
  std::map<int, std::vector<Fault>> hostile;  ///< by rank: what it does besides what is attacked
  double hostile_pause_s = 0;
  std::map<int, double> deaths;  ///< by rank, of honest ones
  std::vector<Pause> pauses;
  std::vector<double> compute_s, link_times;  ///< by rank; of the server: 0, 1

  /// An honest worker of which nothing is wrong.
  bool is_healthy(int rank) const {
    const auto is_paused = [&](const Pause& pause) { return pause.rank == rank; };
    return !hostile.contains(rank) && !deaths.contains(rank) &&
           std::ranges::none_of(pauses, is_paused) && !slow.contains(rank);
  }
  std::set<int> slow;
};

namespace simulated {

inline const std::vector<std::string>& rules() {
  static const std::vector<std::string> kNames = {
      "coord-median", "coord-median", "geometric-median",
      "trimmed-mean", "krum",         "multi-krum",
      "meamed",       "phocas",       "signSGD",
      "mda",          "faba",         "cge",
      "aksel",        "monna",        "caf",
      "smea",         "normal",       "bulyan"};
  return kNames;
}

/// The same with an arbiter.
inline Options arbitrated(Draws& draws, Options options) {
  const std::uint64_t workers = draws.between(3, 12);
  for (const char* name : {"placement", "vote", "group-size"}) options.erase(name);
  if (draws.chance(0.6)) {
    options["approach"] = "audit";
    options["audit-rate"] = draws.pick({"0.1", "0.3", "0.5", "1"});
  } else {
    options["approach"] = "detox";
    options["group-size"] = draws.pick({"2", "3", "4"});
    if (options["group-size"] != "2" && draws.chance(0.4)) options["lazy"] = "on";
  }
  options["workers"] = std::to_string(workers);
  options["arbiter"] = draws.pick({"server", "server", "workers"});
  options["recheck"] = draws.pick({"0", "0.05", "1"});
  options["evict-after"] = draws.pick({"1", "1", "2", "never"});
  options["fail-schedule"] = draws.pick({"fixed", "fixed", "fixed", "per-step"});
  const bool stay = options["evict-after"] != "never" && options["fail-schedule"] == "fixed";
  if (stay && draws.chance(0.6)) options["heal"] = "on";
  options["lie-rate"] = draws.pick({"1", "1", "0.3"});
  if (draws.chance(0.3)) options["silent-rate"] = "0.2";
  return options;
}

/// Options that go together.
inline Options draw_options(Draws& draws) {
  const std::uint64_t r = draws.pick({1, 3, 3, 3, 3, 5});
  const std::uint64_t k = r == 1 ? draws.between(3, 7) : draws.between(1, r == 3 ? 5 : 3);
  Options options = {
      {"workers", std::to_string(r * k)},
      {"batch-size", std::to_string(draws.between(1, 4))},
      {"max-steps", std::to_string(draws.between(3, 16))},
      {"eval-freq", std::to_string(draws.between(0, 3))},
      {"mode", rules()[draws.below(rules().size())]},
      {"placement", draws.pick({"random", "random", "fixed"})},
      {"vote", draws.pick({"digest", "digest", "digest", "bytes"})},
      {"comm-type", draws.pick({"Bcast", "Bcast", "Async"})},
      {"seed", std::to_string(draws.below(1'000'000))},
      {"max-skipped", std::to_string(draws.pick({2, 20}))},
      {"on-divergence", "continue"},
      {"fail-schedule", draws.pick({"per-step", "fixed", "fixed", "worst-case"})},
      {"err-mode",
       draws.pick({"rev_grad", "constant", "sign_flip", "random", "nan", "ipm", "mimic",
                   "label_flip", "straggler", "none", "none", "none", "none", "none", "none"})},
  };
  if (r == 1) {
    options["approach"] = "baseline";
  } else {
    options["group-size"] = std::to_string(r);
  }
  const std::uint64_t q = draws.pick({0, 1, 1, 2, 2, 3, 4, 5});
  options["assume-fail"] = std::to_string(q);
  if (options["err-mode"] != "none") options["worker-fail"] = std::to_string(q);
  if (options["err-mode"] == "straggler")
    options["adversarial"] = fmt::format("{:.3f}", draws.magnitude(0.01, 10));
  if (draws.chance(0.35)) return arbitrated(draws, options);
  if (k > 2 && draws.chance(0.15)) options["num-aggregate"] = std::to_string(k - 1);
  if (draws.chance(0.1)) options["compress-grad"] = "zstd";
  return options;
}

inline const std::vector<std::string>& faults_of_digests() {
  static const std::vector<std::string> kNames = {
      "bad-relay",   "duplicate",     "equivocation", "farewell",
      "flood",       "flood-others",  "garbage",      "lost-relay",
      "other-slice", "oversized",     "repeat",       "silent",
      "slander",     "slow",          "trickle",      "trickle-relay",
      "undelivered", "wrong-chunk",   "wrong-digest", "wrong-length",
      "wrong-step",  "lost-ready",    "wrong-ready",  "duplicate-chunk",
      "flood-chunk", "garbage-chunk", "silent",       "slow",
      "undelivered", "trickle",       "wrong-chunk",  "wrong-chunk",
      "wrong-chunk", "other-slice",   "oversized"};
  return kNames;
}

/// Those that do something where whole answers are sent; with r = 1 no lie that nobody can repeat.
inline const std::vector<std::string>& faults_of_copies(bool may_lie) {
  static const std::vector<std::string> kQuiet = {
      "bad-relay",   "lost-relay",    "trickle",    "trickle-relay", "undelivered",
      "flood-chunk", "garbage-chunk", "lost-ready", "wrong-ready",   "duplicate-chunk"};
  static const std::vector<std::string> kAll = [] {
    std::vector<std::string> names = kQuiet;
    names.insert(names.end(), {"wrong-chunk", "wrong-chunk", "wrong-chunk"});
    return names;
  }();
  return may_lie ? kAll : kQuiet;
}

inline std::vector<Fault> draw_faults(Draws& draws, const std::vector<std::string>& kinds,
                                      std::uint64_t steps) {
  std::vector<Fault> faults;
  for (std::uint64_t count = draws.between(1, 5); count > 0; --count) {
    Fault fault{kinds[draws.below(kinds.size())], draws.between(1, steps), 0};
    fault.to = draws.between(fault.from, steps);
    if (fault.kind.ends_with("-ready")) fault.from = 0;
    faults.push_back(std::move(fault));
  }
  return faults;
}

inline SimulatedWorld draw_world(Draws& draws, std::uint64_t seed) {
  SimulatedWorld world;
  world.seed = seed;
  world.most_latency = draws.magnitude(50e-6, 3e-3);
  world.least_latency = world.most_latency * draws.uniform(0, 1);
  if (draws.chance(0.3)) world.tail_share = draws.magnitude(0.001, 0.05);
  world.tail_times = 0.03 / world.most_latency;
  world.eager_bytes =
      draws.pick({std::numeric_limits<std::size_t>::max(), std::size_t{200}, std::size_t{64}});
  world.most_task = draws.magnitude(1e-6, 2e-3);
  world.least_task = world.most_task * draws.uniform(0, 1);
  return world;
}

/// Ranks that are hostile in what they send and when; seldom more than the run is built for.
inline void draw_hostile(Draws& draws, const ToyRun& run, SimulatedJob& job) {
  const Plan& plan = run.plan();
  const bool attacked = plan.attack.attack != "none" && plan.attack.byzantine > 0;
  if (attacked && plan.attack.schedule != FailSchedule::kFixed) return;
  std::vector<std::uint32_t> ranks;
  const std::vector<bool> byzantine = run.byzantine(1, run.assignment(1));
  for (std::uint32_t worker = 0; worker < plan.workers; ++worker) {
    if (!attacked || byzantine[worker]) ranks.push_back(worker + 1);
  }
  const std::vector<std::string>& kinds =
      plan.votes_by_digest ? faults_of_digests() : faults_of_copies(plan.r > 1);
  const std::uint64_t bears = draws.chance(0.05) ? plan.workers : plan.q;
  const std::uint64_t most = std::min<std::uint64_t>(bears, ranks.size());
  for (std::uint64_t count = draws.chance(0.5) ? most : draws.below(most + 1); count > 0; --count) {
    const std::size_t index = draws.below(ranks.size());
    job.hostile[static_cast<int>(ranks[index])] = draw_faults(draws, kinds, job.steps);
    ranks.erase(ranks.begin() + static_cast<std::ptrdiff_t>(index));
  }
}

inline void draw_mishaps(Draws& draws, SimulatedJob& job) {
  const auto workers = static_cast<int>(job.workers);
  const auto any_rank = [&] { return static_cast<int>(draws.between(1, job.workers)); };
  job.compute_s.assign(job.workers + 1, 0);
  job.link_times.assign(job.workers + 1, 1);
  const double compute_s = draws.magnitude(1e-4, 0.05);
  const double run_s =
      static_cast<double>(job.steps) * (2 * compute_s + 10 * job.world.most_latency);
  const auto moment = [&] {
    return draws.chance(0.7) ? draws.uniform(0, 1.2 * run_s) : draws.magnitude(2e-3, 10);
  };
  for (int rank = 1; rank <= workers; ++rank)
    job.compute_s[static_cast<std::size_t>(rank)] = compute_s * draws.uniform(1, 2);
  for (std::uint64_t count = draws.pick({0, 0, 0, 1, 1, 2}); count > 0; --count) {
    const int rank = any_rank();
    if (!job.hostile.contains(rank)) job.deaths[rank] = moment();
  }
  for (std::uint64_t count = draws.pick({0, 0, 0, 1, 1, 2}); count > 0; --count) {
    job.pauses.push_back({any_rank(), moment(), draws.magnitude(0.01, 2 * job.step_timeout_s)});
  }
  if (draws.chance(0.1)) job.pauses.push_back({0, moment(), draws.magnitude(0.01, 10)});
  for (std::uint64_t count = draws.pick({0, 0, 0, 1}); count > 0; --count) {
    const int rank = any_rank();
    job.slow.insert(rank);
    job.compute_s[static_cast<std::size_t>(rank)] *= draws.magnitude(2, 200);
    job.link_times[static_cast<std::size_t>(rank)] = draws.magnitude(1, 50);
  }
}

}  // namespace simulated

inline SimulatedJob draw_job(std::uint64_t seed) {
  const Key key = derive_key(key_from_seed(seed), "simulated job");
  Draws draws(key);
  SimulatedJob job;
  job.seed = seed;
  while (job.workers == 0) {
    job.options = simulated::draw_options(draws);
    try {
      const ToyRun run("", job.options);
      job.workers = run.plan().workers;
      job.steps = std::stoul(job.options.at("max-steps"));
      simulated::draw_hostile(draws, run, job);
    } catch (const UsageError&) {  // it could not be defended, or makes no sense
    }
  }
  job.world = simulated::draw_world(draws, seed);
  job.chunk_bytes = draws.pick({std::size_t{8}, ToyRun::kToyChunkBytes, std::size_t{4096}});
  job.step_timeout_s = draws.magnitude(3, 8);
  job.start_timeout_s = job.step_timeout_s + draws.pick({0.0, 1.0, 5.0});
  job.server_timeout_s = draws.magnitude(20, 60);
  job.hostile_pause_s = draws.magnitude(0.005, 2 * job.step_timeout_s);
  simulated::draw_mishaps(draws, job);
  return job;
}

}  // namespace detox
