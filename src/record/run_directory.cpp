#include "record/run_directory.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "base/atomic_file.hpp"
#include "base/file.hpp"
#include "base/home_folder.hpp"
#include "base/json_field.hpp"
#include "detox/errors.hpp"
#include "record/checkpoint_files.hpp"
#include "record/run_files.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 5> kStates = {"running", "finished", "interrupted", "failed",
                                                     "diverged"};

/// Whether a run writes a file of this name atomically.
bool is_name_of_run(std::string_view name) {
  return name == kConfigFile || name == kStatusFile || name == kSignatureFile ||
         is_checkpoint_name(name) ||
         std::find(kJournalFiles.begin(), kJournalFiles.end(), name) != kJournalFiles.end();
}

/// Which directory is there now: one that was moved aside gives way to another.
std::pair<dev_t, ino_t> identity_of(const fs::path& dir) {
  struct stat there {};
  if (::stat(dir.c_str(), &there) != 0) return {};
  return {there.st_dev, there.st_ino};
}

ProcessLock lock(const fs::path& dir) {
  const auto before = identity_of(dir);
  LockHolder holder;
  try {
    auto lock = ProcessLock::take(dir / kLockFile, holder);
    if (lock && identity_of(dir) == before) return std::move(*lock);
  } catch (const std::system_error& error) {
    throw InputError(
        fmt::format("cannot write to the train directory {}: {}; choose another --train-dir",
                    dir.string(), error.code().message()));
  }
  throw InputError(
      fmt::format("another process is using the train directory {}; wait for its end or choose "
                  "another --train-dir{}",
                  dir.string(), holder.in_words(dir / kLockFile)));
}

/// What a run left that failed before its first step: nothing that anybody could miss.
bool holds_failed_start(const fs::path& dir) {
  const auto is_empty = [&dir](std::string_view name) {
    std::error_code error;
    const auto size = fs::file_size(dir / name, error);
    return error || size == 0;
  };
  if (has_checkpoint_files(dir) ||
      !std::all_of(kJournalFiles.begin(), kJournalFiles.end(), is_empty)) {
    return false;
  }
  try {
    const std::optional<RunStatus> status = read_status(dir);
    return status && status->state == RunState::kFailed && status->step == 0;
  } catch (const InputError&) {
    return false;
  }
}

/// The next attempt is not to stumble over it.
void remove_failed_start(const fs::path& dir) {
  if (!holds_failed_start(dir)) return;
  std::error_code ignored;
  fs::remove(dir / kConfigFile, ignored);
  for (const std::string_view journal : kJournalFiles) fs::remove(dir / journal, ignored);
  fs::remove(dir / kStatusFile, ignored);  // last: without it the others would be a run
}

void refuse_other_run(const fs::path& dir) {
  const std::vector<std::uint64_t> steps = list_checkpoints(dir);
  if (!steps.empty()) {
    throw InputError(
        fmt::format("{} holds another run, whose newest checkpoint is of step {}; go on with it "
                    "(--resume auto), "
                    "move it aside (--overwrite) or choose another --train-dir",
                    dir.string(), steps.back()));
  }
  if (holds_run(dir)) {
    throw InputError(fmt::format(
        "{} holds another run, which left no checkpoint; move it aside (--overwrite) or choose "
        "another --train-dir",
        dir.string()));
  }
}

/// Why the directory cannot be moved as a run's; empty where it can.
std::string why_no_run_alone(const fs::path& dir) {
  std::error_code error;
  const auto is_or_holds = [&](const fs::path& inner) {
    const fs::path other = fs::weakly_canonical(inner, error);
    return !other.empty() &&
           std::mismatch(dir.begin(), dir.end(), other.begin(), other.end()).first == dir.end();
  };
  if (is_or_holds(fs::current_path(error))) return "it is the current directory, or holds it";
  if (const auto home = home_folder(); home && is_or_holds(*home))
    return "it is the home directory, or holds it";
  for (const fs::directory_entry& entry : fs::directory_iterator(dir, error)) {
    if (entry.is_directory(error))
      return fmt::format("it holds the folder {}, too", entry.path().filename().string());
  }
  return {};
}

constexpr const char* kConvictedOn = "convicted_on";

nlohmann::json json_of(const HostsOfWorkers& hosts) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [worker, host] : hosts)
    list.push_back({{"worker", std::uint64_t{worker} + 1}, {"host", host}});
  return list;
}

/// std::exception where it is something else.
HostsOfWorkers hosts_from(const nlohmann::json& list) {
  HostsOfWorkers hosts;
  if (!list.is_array()) throw std::invalid_argument("no list");
  for (const nlohmann::json& entry : list) {
    std::uint32_t worker = 0;
    std::string host;
    read_field(entry, "worker", worker);
    read_field(entry, "host", host);
    if (worker == 0) throw std::invalid_argument("workers count from 1");
    hosts[worker - 1] = std::move(host);
  }
  return hosts;
}

}  // namespace

std::string_view to_string(RunState state) { return kStates[static_cast<std::size_t>(state)]; }

std::optional<RunStatus> read_status(const fs::path& dir) {
  const fs::path file = dir / kStatusFile;
  std::error_code error;
  if (!fs::exists(file, error)) return std::nullopt;
  const std::vector<std::byte> bytes = read_file(file);
  const auto json = nlohmann::json::parse(text_of(bytes), nullptr, /*allow_exceptions=*/false);
  const auto field = [&](const char* name, bool (nlohmann::json::*is_right)() const noexcept) {
    const bool there = json.is_object() && json.contains(name) && (json[name].*is_right)();
    if (!there) throw InputError(fmt::format("{} is damaged: it has no {}", file.string(), name));
    return json[name];
  };
  RunStatus status;
  status.step = field("step", &nlohmann::json::is_number_unsigned).get<std::uint64_t>();
  status.message = field("message", &nlohmann::json::is_string).get<std::string>();
  try {
    if (json.contains(kConvictedOn)) status.convicted_on = hosts_from(json[kConvictedOn]);
  } catch (const std::exception&) {
    throw InputError(fmt::format("{} is damaged: its {} is no list of workers and hosts",
                                 file.string(), kConvictedOn));
  }
  const std::string state = field("status", &nlohmann::json::is_string).get<std::string>();
  for (std::size_t i = 0; i < kStates.size(); ++i) {
    if (kStates[i] != state) continue;
    status.state = static_cast<RunState>(i);
    return status;
  }
  throw InputError(fmt::format("{} is damaged: its status is none of {}", file.string(),
                               fmt::join(kStates, ", ")));
}

bool holds_run(const fs::path& dir) {
  const auto is_there = [&dir](std::string_view name) {
    std::error_code ignored;
    return fs::exists(dir / name, ignored);
  };
  return is_there(kConfigFile) || is_there(kStatusFile) || has_checkpoint_files(dir) ||
         std::any_of(kJournalFiles.begin(), kJournalFiles.end(), is_there);
}

LockHolder user_of_run_directory(const fs::path& dir) { return holder_of(dir / kLockFile); }

RunDirectory::RunDirectory(fs::path dir, ProcessLock lock)
    : dir_(std::move(dir)), lock_(std::move(lock)) {}

RunDirectory RunDirectory::create(const fs::path& dir) {
  std::error_code error;
  fs::create_directories(dir, error);
  if (error) {
    throw InputError(
        fmt::format("cannot make the train directory {}: {}; choose another "
                    "--train-dir",
                    dir.string(), error.message()));
  }
  ProcessLock held = lock(dir);
  remove_failed_start(dir);
  refuse_other_run(dir);
  RunDirectory directory(dir, std::move(held));
  directory.remove_leftovers();
  return directory;
}

RunDirectory RunDirectory::open_for_resume(const fs::path& dir) {
  std::error_code error;
  if (!fs::is_directory(dir, error)) {
    throw InputError(fmt::format("there is no train directory {} to resume", dir.string()));
  }
  return {dir, lock(dir)};
}

fs::path RunDirectory::move_aside(const fs::path& given) {
  if (!holds_run(given)) return {};
  std::error_code error;
  const fs::path dir = fs::canonical(given, error);
  const auto refuse = [&](std::string_view why) {
    throw InputError(
        fmt::format("cannot move the run in {} aside: {}; move it yourself, or choose "
                    "another --train-dir",
                    given.string(), why));
  };
  if (error) refuse(error.message());
  const ProcessLock held = lock(dir);
  if (const std::string why = why_no_run_alone(dir); !why.empty()) refuse(why);
  constexpr int kMostOld = 1000000;
  for (int i = 1; i <= kMostOld; ++i) {
    fs::path aside = fmt::format("{}.old-{}", dir.string(), i);
    if (fs::exists(fs::symlink_status(aside))) continue;
    if (::rename(dir.c_str(), aside.c_str()) == 0) {
      fs::create_directory(dir, error);  // where a link leads there, it leads somewhere still
      return aside;
    }
    const bool is_taken = errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR;
    if (!is_taken) refuse(system_error_text());
  }
  refuse(fmt::format("there are {} old ones", kMostOld));
  return {};
}

void RunDirectory::remove_leftovers() const { remove_temporaries(dir_, is_name_of_run); }

void RunDirectory::write_status(const RunStatus& status) const {
  using nlohmann::json;
  json line = {
      {"status", to_string(status.state)}, {"step", status.step}, {"message", status.message}};
  if (!status.convicted_on.empty()) line[kConvictedOn] = json_of(status.convicted_on);
  constexpr int kCompact = -1;
  write_atomically(dir_ / kStatusFile,
                   line.dump(kCompact, ' ', false, json::error_handler_t::replace) + "\n");
}

void RunDirectory::write_config(std::string_view text) const {
  write_atomically(dir_ / kConfigFile, text);
}

}  // namespace detox
