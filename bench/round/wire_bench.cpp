// What a step costs between the last gradient and the next weights, over MPI. Rank 0 is the server
// as in a run; the other ranks are real workers whose learner gives out random numbers
// (stand_in.hpp) and which wait for each other, so that all gradients are there at the same moment.
// The weights after the first step are compared with those of a direct computation, byte for byte;
// exit code 1 where they differ, or where a slice was not resolved.
//
//   mpirun -n 16 ... wire_bench --coordinates 11173962 --vote digest
//
// Prints a line of "name value" pairs, medians over the steps but the first two; times in seconds:
//   tail        from the last gradient to the last slice that the server holds
//   hashing     the part of it until the last worker has its digest: as many cores as the machine
//   has broadcast   from the step's begin until all workers have the weights step        all of it,
//   without the time that workers wait for each other before tail begins server      with --hold:
//   from the last digest until the new weights are there hash, copy  the same process, on all
//   cores: digests of k answers; three times memcpy of them peak        with --memory: bytes of
//   resident memory above those after MPI_Init
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "comm/mpi/mpi_session.hpp"
#include "comm/mpi/mpi_transport.hpp"
#include "config/options.hpp"
#include "config/plan.hpp"
#include "detox/errors.hpp"
#include "engine/admission.hpp"
#include "engine/remote_fleet.hpp"
#include "engine/worker_round.hpp"
#include "exchange/answer_digests.hpp"
#include "round/server_round.hpp"
#include "round/stand_in.hpp"
#include "run/keys.hpp"

namespace detox {
namespace {

constexpr std::size_t kUncounted = 2, kFewCoordinates = 100'000;
constexpr std::chrono::seconds kNoLimit(600);
constexpr double kPatienceSeconds = 600;

struct Arguments {
  std::size_t coordinates = 431080, statistics = 0, steps = 7, threads = 0;
  std::string group_size = "3", vote = "digest", comm_type = "Bcast", mode = "coord-median";
  std::string compression = "none", clock;
  bool hold = false, memory = false;
};

/// Bytes of VmRSS or VmHWM.
std::size_t resident(const std::string& field) {
  std::ifstream status("/proc/self/status");
  std::size_t kilobytes = 0;
  for (std::string word; status >> word;) {
    if (word == field + ":") status >> kilobytes;
  }
  return kilobytes << 10U;
}

/// Notes when the server held all slices.
class WatchedFleet final : public Fleet {
 public:
  explicit WatchedFleet(Fleet& fleet) : fleet_(fleet) {}
  FleetReport run_step(const StepOrder& order, std::chrono::duration<double> time_limit,
                       StepVotes& votes) override {
    const FleetReport report = fleet_.run_step(order, time_limit, votes);
    end = SharedClock::now();
    return report;
  }
  double end = 0;

 private:
  Fleet& fleet_;
};

struct Timings {
  std::map<std::string, std::vector<double>> values;
  void add(const std::string& name, double value) { values[name].push_back(value); }
  void print(const std::string& head) const {
    std::string line = head;
    for (auto [name, all] : values) {
      const auto first =
          all.begin() + static_cast<std::ptrdiff_t>(std::min(kUncounted, all.size() - 1));
      const auto middle = first + (all.end() - first) / 2;
      std::nth_element(first, middle, all.end());
      line += fmt::format(" {} {:.6g}", name, *middle);
    }
    fmt::print("{}\n", line);
    std::fflush(stdout);
  }
};

/// The server's end of a run of stand-ins.
class WireBench {
 public:
  WireBench(const Arguments& arguments, Transport& transport, std::size_t resident_before)
      : arguments_(arguments),
        transport_(transport),
        resident_before_(resident_before),
        workers_(static_cast<std::size_t>(transport.size() - 1)),
        config_(configure()),
        plan_(make_plan(config_)),
        data_(workers_ * (arguments.steps + 1)),
        layout_(StandIn(arguments.coordinates, arguments.statistics, nullptr, 0).layout()),
        format_("none", arguments.coordinates, arguments.statistics),
        pool_(arguments.threads > 0 ? arguments.threads
                                    : std::max(1U, std::thread::hardware_concurrency())),
        clock_(arguments.clock, workers_, arguments.steps, true),
        remote_({transport,
                 all_ranks(),
                 pool_,
                 {(format_.d() + format_.s()) * sizeof(float)},
                 {format_.layout().size()},
                 plan_.k,
                 plan_.votes_by_digest,
                 config_.comm_type == CommType::kBcast,
                 false,
                 stop_,
                 config_.compress_grad}),
        fleet_(remote_),
        round_({plan_, format_, layout_, keys_.server, sgd_options(config_),
                lr_schedule(config_, arguments.steps), plan_.k, fleet_, pool_}) {}

  int run() {
    WorkerWelcome welcome;
    welcome.network = "stand-in";
    welcome.data_dir = arguments_.clock;
    welcome.server_timeout_s = kPatienceSeconds;
    admit_workers(transport_, welcome, {layout_digest(layout_), data_.digest(), 0, kNoLimit},
                  stop_);
    remote_.start(settings(), kPatienceSeconds);
    model_ = StandIn(arguments_.coordinates, arguments_.statistics, nullptr, 0)
                 .initial_state(keys_.initial_weights);
    velocity_.resize(model_.parameters.size());
    for (std::uint64_t step = 1; step <= arguments_.steps; ++step) {
      if (!take_step(step)) return 1;
    }
    timings_.print(fmt::format("workers {} slices {} coordinates {} vote {}", workers_, plan_.k,
                               arguments_.coordinates, arguments_.vote));
    return 0;
  }

 private:
  RunConfig configure() const {
    RunConfig config;
    const std::map<std::string, std::string> options = {{"group-size", arguments_.group_size},
                                                        {"vote", arguments_.vote},
                                                        {"comm-type", arguments_.comm_type},
                                                        {"compress-grad", arguments_.compression},
                                                        {"mode", arguments_.mode}};
    for (const auto& [name, text] : options) set_option(find_option(name), text, config);
    return resolve(config, workers_);
  }

  std::vector<int> all_ranks() const {
    std::vector<int> ranks(workers_);
    std::iota(ranks.begin(), ranks.end(), 1);
    return ranks;
  }

  WorkerSettings settings() const {
    WorkerSettings settings;
    settings.ranks = all_ranks();
    settings.codec = "none";
    settings.slices = plan_.k;
    settings.samples_per_step = plan_.k;
    settings.data_key = keys_.data;
    settings.by_digest = plan_.votes_by_digest;
    settings.compression = config_.compress_grad;
    return settings;
  }

  bool take_step(std::uint64_t step) {
    // What a check needs is no memory of the server's: it is little where that is measured, and
    // comes after the last step.
    const bool checks = step == (arguments_.memory ? arguments_.steps : 1);
    std::size_t checked = checks ? format_.d() : 0;
    if (arguments_.memory) checked = std::min(checked, kFewCoordinates);
    const auto first_of = [&](const std::vector<float>& values) {
      return std::vector<float>(values.begin(),
                                values.begin() + static_cast<std::ptrdiff_t>(checked));
    };
    std::vector<float> parameters = first_of(model_.parameters), velocity = first_of(velocity_);
    const double begin = SharedClock::now();
    const StepReport report = round_.run(step, kNoLimit, {model_, velocity_, last_aggregate_});
    const double end = SharedClock::now();
    if (!report.unresolved.empty() || !report.skipped_because.empty()) {
      fmt::print(stderr, "step {}: not all slices were resolved\n", step);
      return false;
    }
    if (arguments_.memory) {
      const std::size_t peak = resident("VmHWM");
      timings_.add("peak", static_cast<double>(peak - std::min(peak, resident_before_)));
    } else {
      note(step, begin, end, report);
      compare_with_reading();
    }
    if (!checks || is_right(step, report.lr, std::move(parameters), std::move(velocity)))
      return true;
    fmt::print(stderr, "step {}: the weights are not those of a direct computation\n", step);
    return false;
  }

  void note(std::uint64_t step, double begin, double end, const StepReport& report) {
    const double weights = clock_.last(SharedClock::kHasWeights, step);
    const double gradient = clock_.last(SharedClock::kHasGradient, step);
    if (weights == 0 || gradient == 0) return;
    timings_.add("broadcast", weights - begin);
    timings_.add("tail", fleet_.end - gradient);
    timings_.add("step", end - begin - (gradient - weights));
    timings_.add("aggregate", report.seconds.aggregate);
    timings_.add("update", report.seconds.update);
    timings_.add("bytes_in", static_cast<double>(report.bytes_in));
    timings_.add("bytes_out", static_cast<double>(report.bytes_out));
    const double digest = clock_.last(SharedClock::kHasDigest, step);
    timings_.add("hashing", digest > 0 ? digest - gradient : 0);
    if (arguments_.hold && digest > 0) timings_.add("server", end - digest);
  }

  /// Hashing and copying what k answers hold, beside the step that was just taken.
  void compare_with_reading() {
    if (!arguments_.hold) return;
    const Chunks chunks{format_.layout().size()};
    answers_.resize(plan_.k, std::vector<std::byte>(chunks.bytes));
    copies_.resize(plan_.k, std::vector<std::byte>(chunks.bytes));
    std::vector<Digest> digests(plan_.k * chunks.count());
    double begin = SharedClock::now();
    pool_.parallel_for(digests.size(), [&](std::size_t i, std::size_t) {
      const std::span<const std::byte> answer = answers_[i / chunks.count()];
      digests[i] = digest_of(chunks.part(answer, i % chunks.count()));
    });
    timings_.add("hash", SharedClock::now() - begin);
    begin = SharedClock::now();
    for (int turn = 0; turn < 3; ++turn) {
      pool_.parallel_for(digests.size(), [&](std::size_t i, std::size_t) {
        const std::span<std::byte> from =
            turn == 1 ? copies_[i / chunks.count()] : answers_[i / chunks.count()];
        const std::span<std::byte> to =
            turn == 1 ? answers_[i / chunks.count()] : copies_[i / chunks.count()];
        const auto part = chunks.part(from, i % chunks.count());
        std::memcpy(chunks.part(to, i % chunks.count()).data(), part.data(), part.size());
      });
    }
    timings_.add("copy", SharedClock::now() - begin);
  }

  /// The step once more, from the random numbers themselves, in the first coordinates.
  bool is_right(std::uint64_t step, double lr, std::vector<float> parameters,
                std::vector<float> velocity) {
    SliceReader reader(data_, {data_.size(), plan_.k, plan_.k, keys_.data}, keys_.data);
    reader.begin_step(step);
    std::vector<std::vector<float>> gradients(plan_.k, std::vector<float>(parameters.size()));
    std::vector<const float*> rows;
    SliceBatch batch;
    for (std::size_t slice = 0; slice < plan_.k; ++slice) {
      reader.read(slice, batch);
      random_gradient(batch.draws, gradients[slice]);
      rows.push_back(gradients[slice].data());
    }
    std::vector<float> aggregate(parameters.size());
    Workspace workspace;
    AggregationContext context{pool_, workspace, step};
    make_aggregator(arguments_.mode, plan_.hierarchy.rule)
        ->aggregate(Rows<float>{rows, parameters.size()}, aggregate, context);
    SgdOptions sgd = sgd_options(config_);
    sgd.lr = lr;
    sgd_step(sgd, aggregate, parameters, velocity, pool_);
    return std::memcmp(parameters.data(), model_.parameters.data(), 4 * parameters.size()) == 0;
  }

  Arguments arguments_;
  Transport& transport_;
  std::size_t resident_before_, workers_;
  RunConfig config_;
  RunKeys keys_ = run_keys(config_);
  Plan plan_;
  NoData data_;
  ModelLayout layout_;
  AnswerFormat format_;
  ThreadPool pool_;
  std::atomic<bool> stop_{false};
  SharedClock clock_;
  RemoteFleet remote_;
  WatchedFleet fleet_;
  ServerRound round_;
  ModelState model_;
  std::vector<float> velocity_, last_aggregate_;
  std::vector<std::vector<std::byte>> answers_, copies_;
  Timings timings_;
};

void work(const Arguments& arguments, Transport& transport) {
  const auto worker = static_cast<std::size_t>(transport.rank() - 1);
  const auto workers = static_cast<std::size_t>(transport.size() - 1);
  TogetherTransport together(transport, arguments.hold);
  std::unique_ptr<SharedClock> clock;
  serve_as_worker(together, kPatienceSeconds, [&](const WorkerWelcome& welcome) {
    clock = std::make_unique<SharedClock>(welcome.data_dir, workers, arguments.steps, false);
    together.use(*clock);
    return WorkerKit{
        std::make_unique<NoData>(workers * (arguments.steps + 1)),
        std::make_unique<StandIn>(arguments.coordinates, arguments.statistics, clock.get(), worker),
        "stand-in", "", ""};
  });
}

Arguments parse(int argc, char** argv, CLI::App& app) {
  Arguments arguments;
  app.add_option("--coordinates", arguments.coordinates, "d");
  app.add_option("--statistics", arguments.statistics, "floats of statistics in an answer");
  app.add_option("--steps", arguments.steps)->check(CLI::Range(3, 10'000));
  app.add_option("--threads", arguments.threads, "of the server; 0: as many as there are cores");
  app.add_option("--group-size", arguments.group_size);
  app.add_option("--vote", arguments.vote);
  app.add_option("--comm-type", arguments.comm_type);
  app.add_option("--mode", arguments.mode);
  app.add_option("--compress-grad", arguments.compression);
  app.add_option("--clock", arguments.clock, "a file to be made, which all processes see");
  app.add_flag("--hold", arguments.hold, "workers send their digests together");
  app.add_flag("--memory", arguments.memory, "measure the server's memory and no times");
  app.parse(argc, argv);
  if (arguments.clock.empty()) {
    arguments.clock =
        std::filesystem::temp_directory_path() / fmt::format("wire_bench.{}", getpid());
  }
  return arguments;
}

int run(int argc, char** argv) {
  CLI::App app("what a step costs over MPI; start it with mpirun");
  Arguments arguments;
  try {
    arguments = parse(argc, argv, app);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  static MpiSession session;
  // What is resident from now on counts; only where the kernel cannot forget the peak so far is it
  // that of MPI_Init.
  std::ofstream("/proc/self/clear_refs") << "5";
  const std::size_t resident_before = resident("VmRSS");
  static MpiTransport transport(session);
  if (session.rank() > 0) {
    work(arguments, transport);
    return 0;
  }
  return serve_and_stop_workers(
      transport, [&] { return WireBench(arguments, transport, resident_before).run(); });
}

}  // namespace
}  // namespace detox

int main(int argc, char** argv) {
  try {
    return detox::run(argc, argv);
  } catch (const detox::Error& error) {
    fmt::print(stderr, "wire_bench: {}\n", error.what());
    detox::MpiSession::leave_without_finalize(error.exit_code());
  }
}
