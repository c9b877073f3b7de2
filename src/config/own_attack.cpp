#include "config/own_attack.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "base/json_field.hpp"
#include "base/names.hpp"
#include "config/outside_name.hpp"
#include "config/process_connection.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr std::string_view kHello = "detoxml attack 1";

/// Whether what it sends is the same in every slice, as it says of itself.
bool is_same(const ProcessConnection& process) {
  bool same = false;
  try {
    read_field(process.about(), "same", same);
  } catch (const std::exception&) {
    ProcessConnection::refuse_answer();
  }
  return same;
}

/// An attack that has been opened, which it stays.
class OpenAttack {
 public:
  virtual ~OpenAttack() = default;
  const AttackInfo& info() const { return info_; }
  /// What answers, which is started where it has not been. InputError.
  virtual const ProcessConnection& process() const = 0;
  virtual bool same() const = 0;
  virtual bool is_of_file() const { return false; }
  /// True once, where no set-up has seen whether it repeats itself.
  virtual bool is_first_result() const { return false; }

 protected:
  void be(std::string name, std::string recorded) {
    name_ = std::move(name);
    recorded_ = std::move(recorded);
    info_.make = {OpenAttack::make, this};
    info_.name = name_;
    info_.file = recorded_;
  }

 private:
  static std::unique_ptr<Attack> make(const void* open);

  std::string name_, recorded_;
  AttackInfo info_;
};

/// Colluders, who know all honest values.
class AskingAttack final : public Attack {
 public:
  explicit AskingAttack(const OpenAttack& open) : open_(open), same_(open.same()) {}

  bool needs_all_slices() const override { return true; }
  bool same_in_every_slice() const override { return same_; }
  void corrupt(const AttackInput& input, std::span<float> out,
               ThreadPool& /*pool*/) const override {
    const ProcessConnection& process = open_.process();
    const auto ask = [&](std::span<float> result) {
      process.compute<float>(
          {{"slice", input.slice}, {"corrupted", input.corrupted}, {"step", input.step}},
          input.honest.row, result);
    };
    try {
      ask(out);
      if (!open_.is_first_result()) return;
      std::vector<float> again(out.size());
      ask(again);
      check_repeats(open_.info(), out, again);
    } catch (const InputError& error) {
      throw InputError(
          fmt::format("{}: {} (step {})", open_.info().name, error.what(), input.step));
    }
  }

 private:
  const OpenAttack& open_;
  bool same_;
};

std::unique_ptr<Attack> OpenAttack::make(const void* open) {
  return std::make_unique<AskingAttack>(*static_cast<const OpenAttack*>(open));
}

[[noreturn]] void refuse_attack(const std::string& place, std::string_view why) {
  throw InputError(fmt::format("attack {}: {}", printable(place, 200), why));
}

class SocketAttack final : public OpenAttack {
 public:
  explicit SocketAttack(const std::string& socket)
      : process_(socket, kHello), same_(is_same(process_)) {
    be(process_.name(), fmt::format("{}{}{}", socket, kFunctionMark, process_.source()));
  }
  const ProcessConnection& process() const override { return process_; }
  bool same() const override { return same_; }

 private:
  ProcessConnection process_;
  bool same_;
};

/// Run by whoever attacks, and by no other: a server knows what is in the file and nothing more.
class FileAttack final : public OpenAttack {
 public:
  explicit FileAttack(const std::string& file) : file_(file), digest_(digest_of_file(file)) {
    constexpr std::size_t kLongestName = 60;
    be(printable(std::filesystem::path(file).stem().string(), kLongestName),
       fmt::format("{}{}{}", file, kFileMark, digest_));
  }
  const ProcessConnection& process() const override {
    const std::lock_guard lock(mutex_);
    if (process_ == nullptr) process_ = started();
    return *process_;
  }
  bool same() const override { return false; }  // which only its process knows
  bool is_of_file() const override { return true; }
  bool is_first_result() const override { return !has_answered_.exchange(true); }

 private:
  std::unique_ptr<ProcessConnection> started() const {
    const char* chosen = std::getenv("DETOX_PYTHON");
    const std::string python = chosen == nullptr || *chosen == '\0' ? "python3" : chosen;
    try {
      return std::make_unique<ProcessConnection>(
          std::vector<std::string>{python, "-m", "detoxml._attack_file", file_, digest_}, kHello);
    } catch (const AnsweredError& error) {
      refuse_attack(file_, error.what());
    } catch (const InputError& error) {
      refuse_attack(file_, fmt::format("{}; it needs Python with the package detoxml: {} here, or "
                                       "what DETOX_PYTHON names",
                                       error.what(), printable(python, 200)));
    }
  }

  std::string file_, digest_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<ProcessConnection> process_;
  mutable std::atomic<bool> has_answered_ = false;
};

bool is_file_of_python(std::string_view place) { return place.ends_with(".py"); }

const OpenAttack& opened_attack(const std::string& place) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<OpenAttack>> attacks;
  const std::lock_guard lock(mutex);
  std::unique_ptr<OpenAttack>& attack = attacks[place];
  if (attack != nullptr) return *attack;
  const bool is_file = is_file_of_python(place) && !is_socket(place);
  if (!is_file && !is_socket(place)) {
    refuse_attack(place,
                  "no process answers there; valid: a name of detoxml list, a file of Python "
                  "(FILE.py), or the socket of a function, as detoxml.train(err_mode=...) in "
                  "Python makes it");
  }
  try {
    if (is_file) {
      attack = std::make_unique<FileAttack>(place);
    } else {
      attack = std::make_unique<SocketAttack>(place);
    }
  } catch (const InputError& error) {
    refuse_attack(place, error.what());
  }
  return *attack;
}

const OpenAttack& open(const AttackInfo& attack) {
  return opened_attack(outside_name(attack.file).place);
}

}  // namespace

const AttackInfo& attack_named(std::string_view name_or_place) {
  const OutsideName wanted = outside_name(name_or_place);
  if (name_or_place.find('/') == std::string_view::npos && !is_file_of_python(wanted.place))
    return find_attack(name_or_place);
  const AttackInfo& attack = opened_attack(wanted.place).info();
  if (!wanted.identity.empty() && wanted.identity != identity_of(attack)) {
    refuse_attack(
        wanted.place,
        fmt::format("its SHA-256 is {}, and {} is recorded; valid: what was there, or a "
                    "new run",
                    digest_in(identity_of(attack)), printable(digest_in(wanted.identity))));
  }
  return attack;
}

bool is_of_file(const AttackInfo& attack) {
  return !attack.file.empty() && open(attack).is_of_file();
}

void load_attack(const AttackInfo& attack) {
  if (is_of_file(attack)) open(attack).process();
}

std::string recorded_name(const AttackInfo& attack) {
  return std::string(attack.file.empty() ? attack.name : attack.file);
}

std::string identity_of(const AttackInfo& attack) {
  return attack.file.empty() ? std::string(attack.name) : outside_name(attack.file).identity;
}

void check_repeats(const AttackInfo& attack, std::span<const float> once,
                   std::span<const float> again) {
  for (std::size_t i = 0; i < once.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(once[i]) != std::bit_cast<std::uint32_t>(again[i])) {
      throw InputError(
          fmt::format("{}: twice the same input, and value {} of its results is {} and {}; valid: "
                      "an attack whose result depends on nothing else",
                      attack.name, i, once[i], again[i]));
    }
  }
}

}  // namespace detox
