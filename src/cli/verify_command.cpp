// `detoxml verify`: takes steps of somebody's run again and compares them with its commitments.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/cores.hpp"
#include "base/counted.hpp"
#include "base/signals.hpp"
#include "cli/command.hpp"
#include "cli/program_environment.hpp"
#include "detox/errors.hpp"
#include "host/numerics.hpp"
#include "learn/learner_file.hpp"
#include "run/verify.hpp"

namespace detox {
namespace {

constexpr int kDiffersExitCode = 5;

struct VerifyArguments {
  std::string run, steps, data_dir, placement_key, key, learner;
  std::optional<std::uint64_t> random;
  std::size_t threads = 0;
};

/// "10-20", or "10" for that one alone.
std::pair<std::uint64_t, std::uint64_t> parse_steps(const std::string& text) {
  const std::size_t dash = std::min(text.find('-'), text.size());
  const std::string first = text.substr(0, dash),
                    last = dash < text.size() ? text.substr(dash + 1) : first;
  for (const std::string& part : {first, last}) {
    constexpr std::size_t kMostDigits = 18;
    if (part.empty() || part.size() > kMostDigits ||
        part.find_first_not_of("0123456789") != std::string::npos)
      throw UsageError(fmt::format("--steps {}: valid: A-B, two steps, or one", text));
  }
  return {std::stoull(first), std::stoull(last)};
}

std::optional<PublicKey> public_key(const std::string& file) {
  if (file.empty()) return std::nullopt;
  try {
    return PublicKey(file);
  } catch (const InputError& error) {
    throw InputError(fmt::format("--key {}", error.what()));
  }
}

/// Whether all that was looked at is signed.
bool tell_signed(const Verified& verified, const PublicKey& key) {
  fmt::print("signed up to step {} by key {}\n", verified.last_signed, key.fingerprint());
  if (verified.last <= verified.last_signed) return true;
  fmt::print("steps {} to {} are not signed; --steps A-{} leaves them out\n",
             verified.last_signed + 1, verified.last, verified.last_signed);
  return false;
}

int compare_with_commitments(const VerifyArguments& arguments) {
  VerifyOptions options{.run = arguments.run,
                        .steps = {},
                        .random = arguments.random,
                        .threads = arguments.threads > 0 ? arguments.threads : usable_cores()};
  if (!arguments.steps.empty()) options.steps = parse_steps(arguments.steps);
  const std::optional<PublicKey> key = public_key(arguments.key);
  if (key) options.key = &*key;
  StartingConfig start = config_to_verify(options.run);
  if (!arguments.data_dir.empty()) start.config.data_dir = arguments.data_dir;
  if (!arguments.placement_key.empty()) start.config.placement_key = arguments.placement_key;
  use_learner(arguments.learner);
  if (start.config.numerics == Numerics::kPortable) pin_profile(kPortableProfile);
  stop_on_signals();
  const Environment environment = program_environment();
  RunObserver nobody;
  const Session session(start, environment, nobody);
  const Verified verified = verify_run(session, options);
  for (const StepDifference& difference : verified.differences) fmt::print("{}\n", difference.what);
  if (verified.too_early > 0)
    fmt::print("{} before the first checkpoint left out\n", counted(verified.too_early, "step"));
  if (verified.taken_back > 0) {
    fmt::print("{} that the run went back from left out: those taken again stand\n",
               counted(verified.taken_back, "step"));
  }
  const bool is_signed = !key || tell_signed(verified, *key);
  if (verified.differences.empty()) {
    fmt::print("{} agree with {}'s commitments\n", counted(verified.agreed, "step"), arguments.run);
    return is_signed ? 0 : kDiffersExitCode;
  }
  const std::uint64_t behind =
      verified.wanted - std::min<std::uint64_t>(verified.wanted, verified.agreed);
  fmt::print("{} of {} agree; {} differ or lie behind one that does, up to the next checkpoint\n",
             verified.agreed, counted(verified.wanted, "step"), behind);
  return kDiffersExitCode;
}

}  // namespace

Command verify_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand(
      "verify", "take steps of a run again and compare them with its commitments");
  auto arguments = std::make_shared<VerifyArguments>();
  app->add_option("run", arguments->run, "the run's directory")->required()->type_name("DIR");
  app->add_option("--steps", arguments->steps, "only these steps, both ends in [all]")
      ->type_name("A-B");
  app->add_option("--random", arguments->random,
                  "only so many stretches from a checkpoint to the next, drawn at random [all]")
      ->type_name("M")
      ->check(CLI::Range(1, 1000000).description(""));
  app->add_option("--data-dir", arguments->data_dir,
                  "where the data lies [as the run was configured]")
      ->type_name("DIR");
  app->add_option("--placement-key", arguments->placement_key,
                  "the run's placement key [where the run was told that it is]")
      ->type_name("FILE");
  app->add_option("--key", arguments->key,
                  "whose signature the commitments must have: the public key of --sign-key, as "
                  "openssl pkey -pubout writes it [anybody's, or none]")
      ->type_name("FILE");
  app->add_option("--learner", arguments->learner,
                  "the module that computes [DETOX_LEARNER, else the one that came with detoxml]")
      ->type_name("FILE");
  app->add_option("--threads", arguments->threads, "threads [the cores that this process may use]")
      ->type_name("N")
      ->check(CLI::Range(0, 1024).description(""));
  app->footer(
      "Exit code 0: what was computed agrees; 5: something differs, or is not signed by --key.\n"
      "Examples:\n"
      "  detoxml verify output/models\n"
      "  detoxml verify output/models --random 3\n"
      "  detoxml verify output/models --steps 101-150\n"
      "  detoxml verify output/models --key public.pem");
  return {app, [arguments] { return compare_with_commitments(*arguments); }};
}

}  // namespace detox
