#include "record/run_directory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "detox/errors.hpp"
#include "record/atomic_file.hpp"
#include "record/checkpoint_files.hpp"
#include "record/file_io.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLock = ".lock";
constexpr const char* kConfig = "config.toml";
constexpr const char* kStatus = "run.json";
constexpr std::array<std::string_view, 3> kJournals = {"metrics.jsonl", "rounds.jsonl",
                                                       "ledger.jsonl"};
constexpr std::array<std::string_view, 5> kStates = {"running", "finished", "interrupted", "failed",
                                                     "diverged"};

/// Whether a run writes a file of this name atomically.
bool is_name_of_run(std::string_view name) {
  return name == kConfig || name == kStatus || is_checkpoint_name(name) ||
         std::find(kJournals.begin(), kJournals.end(), name) != kJournals.end();
}

ProcessLock lock(const fs::path& dir) {
  LockHolder holder;
  try {
    if (auto lock = ProcessLock::take(dir / kLock, holder)) return std::move(*lock);
  } catch (const std::system_error& error) {
    throw InputError(
        fmt::format("cannot write to the train directory {}: {}; choose another --train-dir",
                    dir.string(), error.code().message()));
  }
  throw InputError(
      fmt::format("another process is using the train directory {}; wait for its end or choose "
                  "another --train-dir{}",
                  dir.string(), holder.in_words(dir / kLock)));
}

/// What a run left that failed before its first step: nothing that anybody could miss.
bool holds_failed_start(const fs::path& dir) {
  const auto is_empty = [&dir](std::string_view name) {
    std::error_code error;
    const auto size = fs::file_size(dir / name, error);
    return error || size == 0;
  };
  if (has_checkpoint_files(dir) || !std::all_of(kJournals.begin(), kJournals.end(), is_empty)) {
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
  fs::remove(dir / kConfig, ignored);
  for (const std::string_view journal : kJournals) fs::remove(dir / journal, ignored);
  fs::remove(dir / kStatus, ignored);  // last: without it the others would be a run
}

void refuse_other_run(const fs::path& dir) {
  const std::vector<std::uint64_t> steps = list_checkpoints(dir);
  if (!steps.empty()) {
    throw InputError(fmt::format(
        "{} holds another run, whose newest checkpoint is of step {}; resume it with --resume auto "
        "or choose another --train-dir",
        dir.string(), steps.back()));
  }
  if (holds_run(dir)) {
    throw InputError(fmt::format(
        "{} holds another run, which left no checkpoint; remove it or choose another --train-dir",
        dir.string()));
  }
}

}  // namespace

std::string_view to_string(RunState state) { return kStates[static_cast<std::size_t>(state)]; }

std::optional<RunStatus> read_status(const fs::path& dir) {
  const fs::path file = dir / kStatus;
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
  return is_there(kConfig) || is_there(kStatus) || has_checkpoint_files(dir) ||
         std::any_of(kJournals.begin(), kJournals.end(), is_there);
}

LockHolder user_of_run_directory(const fs::path& dir) { return holder_of(dir / kLock); }

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

void RunDirectory::remove_leftovers() const { remove_temporaries(dir_, is_name_of_run); }

void RunDirectory::write_status(const RunStatus& status) const {
  using nlohmann::json;
  const json line = {
      {"status", to_string(status.state)}, {"step", status.step}, {"message", status.message}};
  constexpr int kCompact = -1;
  write_atomically(dir_ / kStatus,
                   line.dump(kCompact, ' ', false, json::error_handler_t::replace) + "\n");
}

void RunDirectory::write_config(std::string_view text) const {
  write_atomically(dir_ / kConfig, text);
}

}  // namespace detox
