#include "cli/run_places.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <sstream>

#include "base/atomic_file.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/names.hpp"
#include "base/own_program.hpp"
#include "cli/version.hpp"
#include "cluster/ssh.hpp"
#include "detox/errors.hpp"
#include "experiment/runner.hpp"
#include "host/numerics.hpp"
#include "launch/host_shell.hpp"
#include "launch/hostfile.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr int kSshFailed = 255;
constexpr auto kAnswerLimit = std::chrono::seconds(60);

std::vector<HostSlots> hosts_in(const std::string& file) {
  try {
    std::istringstream text{std::string(text_of(read_file(file)))};
    std::vector<HostSlots> hosts = parse_hostfile(text, file);
    std::erase_if(hosts, [](const HostSlots& host) { return host.slots == 0; });
    if (!hosts.empty()) return hosts;
  } catch (const InputError& error) {
    throw UsageError(fmt::format("--hostfile: {}", error.what()));
  }
  throw UsageError(fmt::format("--hostfile: {} names no host", file));
}

/// What the hosts' shells begin with: this folder, and what results depend on.
std::string here_and_so() {
  std::string script =
      fmt::format("cd {} || exit 1\nexport DETOX_PROFILE={}\n",
                  shell_quoted(fs::current_path().string()), shell_quoted(profile_in_force()));
  if (const char* learner = std::getenv("DETOX_LEARNER"))
    script += fmt::format("export DETOX_LEARNER={}\n", shell_quoted(learner));
  return script;
}

/// Throws, in one line, what keeps the host from taking part.
void ask(const HostShell& shell, const std::string& host, const fs::path& token,
         const std::string& word) {
  const std::string script =
      here_and_so() + fmt::format("cat {} || exit 1\nexec {} host-report --result-version",
                                  shell_quoted(token.string()), shell_quoted(own_program()));
  const RemoteResult result = shell.run(host, script, kAnswerLimit);
  if (!result.ok()) throw InputError(result.failure());
  const std::string expected = word + "\n" + result_version() + "\n";
  if (result.output == expected) return;
  if (!result.output.starts_with(word + "\n"))
    throw InputError(fmt::format("sees another {}: a file system that all hosts share is needed",
                                 token.parent_path().string()));
  throw InputError(fmt::format("has another program: {}, here {}",
                               printable(result.output.substr(word.size() + 1)), result_version()));
}

Place place_at(const HostSlots& host, const std::shared_ptr<const HostShell>& shell) {
  Place place{host.host, static_cast<std::size_t>(host.slots)};
  place.start = [host, shell](const std::vector<std::string>& words) {
    return shell->program(
        host.host,
        here_and_so() + fmt::format("threads=$(($(nproc || echo 1) / {}))\n"
                                    "[ $threads -ge 1 ] || threads=1\nexec {} --threads $threads",
                                    host.slots, shell_line(words)));
  };
  place.lost = [host, shell](const ChildResult& result) {
    const bool of_srun =
        shell->name() == "srun" && result.errors.find("srun: error:") != std::string::npos;
    if (result.exit_code != kSshFailed && !of_srun) return std::string();
    std::string said = result.errors;
    while (said.ends_with('\n')) said.pop_back();
    return fmt::format("{} is not reached any more, its runs go to the others: {}", host.host,
                       printable(said.substr(said.rfind('\n') + 1)));
  };
  return place;
}

/// Something that only who sees this folder can read.
class Token {
 public:
  explicit Token(const fs::path& dir) : file_(fs::absolute(dir) / ".hosts"), word_(new_word()) {
    write_atomically(file_, word_ + "\n");
  }
  ~Token() {
    std::error_code error;
    fs::remove(file_, error);
  }
  Token(const Token&) = delete;
  Token& operator=(const Token&) = delete;
  const fs::path& file() const { return file_; }
  const std::string& word() const { return word_; }

 private:
  static std::string new_word() {
    return fmt::format("{} {}", getpid(),
                       std::chrono::system_clock::now().time_since_epoch().count());
  }
  fs::path file_;
  std::string word_;
};

}  // namespace

void check_places(const PlaceOptions& options) {
  if (options.hostfile.empty()) return;
  if (options.jobs > 0) {
    throw UsageError(
        "--jobs is for this machine; with --hostfile each host has as many runs at a time as "
        "slots");
  }
  hosts_in(options.hostfile);
}

std::size_t runs_at_once(const PlaceOptions& options, std::size_t cores, std::size_t runs) {
  if (options.hostfile.empty()) return options.jobs > 0 ? options.jobs : default_jobs(cores, runs);
  std::size_t slots = 0;
  for (const HostSlots& host : hosts_in(options.hostfile))
    slots += static_cast<std::size_t>(host.slots);
  return slots;
}

std::vector<Place> places_for(const PlaceOptions& options, std::size_t cores, std::size_t runs,
                              const fs::path& dir) {
  if (options.hostfile.empty()) return {{"", runs_at_once(options, cores, runs)}};
  std::vector<HostSlots> hosts = hosts_in(options.hostfile);
  std::vector<std::string> others;
  for (const HostSlots& host : hosts) {
    if (!is_this_machine(host.host)) others.push_back(host.host);
  }
  std::vector<Place> places;
  std::vector<HostResult> answers;
  std::shared_ptr<const HostShell> shell;
  if (!others.empty()) {
    shell = std::make_shared<HostShell>(options.agent);
    const Token token(dir);
    answers = on_each_host(others, "hosts", [&](const std::string& host) {
      ask(*shell, host, token.file(), token.word());
      return std::string();
    });
  }
  for (const HostSlots& host : hosts) {
    if (is_this_machine(host.host)) {
      places.push_back({host.host, static_cast<std::size_t>(host.slots)});
      continue;
    }
    const auto answer = std::ranges::find(answers, host.host, &HostResult::host);
    if (answer->ok()) places.push_back(place_at(host, shell));
  }
  if (places.empty()) throw InputError("no host of the hostfile can take part");
  if (places.size() < hosts.size())
    log_warning("{} of {} hosts take part; runs go to them", places.size(), hosts.size());
  return places;
}

}  // namespace detox
