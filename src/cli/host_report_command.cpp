// `detoxml host-report`: what `detoxml launch` asks each host before it starts a job there. Not for
// people, so --help does not show it.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/command.hpp"
#include "cli/program_environment.hpp"
#include "cli/train_options.hpp"
#include "cli/version.hpp"
#include "detox/errors.hpp"
#include "engine/worker_settings.hpp"
#include "host/memory.hpp"
#include "host/report.hpp"
#include "learn/learner_file.hpp"
#include "run/setup.hpp"

namespace detox {
namespace {

constexpr std::uint64_t kFloatBytes = sizeof(float);
/// What MPI keeps for its messages and its threads.
constexpr std::uint64_t kMpiBytes = std::uint64_t{32} << 20U;
/// The server's beside rows, weights and momentum (docs/performance.md).
constexpr std::uint64_t kServerBytes = std::uint64_t{64} << 20U;

struct ReportOptions {
  bool result_version = false;
  std::string needs;
  std::uint64_t workers = 0;
};

/// Computes one gradient as a worker does, and looks what that took.
RunNeeds needs_of_run(const TrainSetup& setup) {
  RunNeeds needs;
  needs.network = setup.config.network;
  needs.dataset = setup.config.dataset;
  needs.data_dir = setup.config.data_dir;
  needs.image_size = setup.config.image_size;
  const std::uint64_t weights =
      (setup.layout.parameter_count() + setup.layout.statistic_count()) * kFloatBytes;
  const std::uint64_t rows = setup.plan.votes_by_digest ? setup.plan.k : setup.plan.workers;
  needs.server_bytes = own_memory().now + (rows + 3) * weights + kServerBytes;

  const std::size_t k = setup.plan.k;
  const std::size_t samples = (setup.samples_per_step + k - 1) / k;  // of the largest slice
  const std::vector<float> images(samples * setup.data->shape().values());
  const std::vector<std::int64_t> labels(samples);
  std::vector<float> gradient(setup.initial.parameters.size());
  std::vector<float> statistics(setup.initial.statistics.size());
  setup.make_learner()->gradient(setup.initial.parameters, setup.initial.statistics,
                                 {images, labels}, gradient, statistics);
  // Weights as they come, the answer as it goes.
  needs.worker_bytes = own_memory().most + 2 * weights + kMpiBytes;
  return needs;
}

void report_as_server(const GivenOptions& given, std::uint64_t workers, HostReport& report) {
  use_learner(given_config(given).learner);
  const TrainSetup setup = set_up(starting_config(given), program_environment(), workers);
  report.data = setup.data->digest();
  report.network = layout_digest(setup.layout);
  report.needs = needs_of_run(setup);
}

/// As make_kit() in train_command.cpp has it.
void report_as_worker(const GivenOptions& given, const RunNeeds& needs, HostReport& report) {
  const RunConfig config = given_config(given);
  use_learner(config.learner);
  const std::unique_ptr<Dataset> data =
      load_dataset(needs.dataset, config.data_dir.empty() ? needs.data_dir : config.data_dir,
                   Split::kTrain, needs.image_size);
  report.data = data->digest();
  report.network =
      layout_digest(make_learner(needs.network, data->shape(), data->classes())->layout());
}

int report_to_launcher(const ReportOptions& options, const GivenOptions& given) {
  if (options.result_version) {
    fmt::print("{}\n", result_version());
    return 0;
  }
  HostReport report = report_of_this_host(DETOX_VERSION);
  try {
    const std::optional<RunNeeds> needs = parse_needs(options.needs);
    if (options.needs.empty()) {
      report_as_server(given, options.workers, report);
    } else if (!needs) {
      throw UsageError("--needs is not what a report says");
    } else if (!needs->network.empty()) {  // else the server's host could not say
      report_as_worker(given, *needs, report);
    }
  } catch (const Error& error) {
    report.failure = error.what();
    report.failure_code = error.exit_code();
  }
  report.shared_bytes = own_memory().shared;
  fmt::print("{}\n", report_text(report));
  return 0;
}

}  // namespace

Command host_report_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand(
      "host-report", "What launch asks each host before a job: one line of JSON");
  app->group("");
  const auto options = std::make_shared<ReportOptions>();
  app->add_flag("--result-version", options->result_version,
                "What results depend on, for experiments over hosts");
  app->add_option("--needs", options->needs, "What the server's host has said of the run");
  app->add_option("--world-workers", options->workers, "Workers of the job");
  CLI::App* train = app->add_subcommand("train", "and its options");
  const std::shared_ptr<GivenOptions> given = add_train_options(*train);
  return {app, [options, given] { return report_to_launcher(*options, *given); }};
}

}  // namespace detox
