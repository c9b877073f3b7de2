#include "config/own_attack.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <mutex>

#include "base/json_field.hpp"
#include "base/names.hpp"
#include "config/process_connection.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

/// Colluders, who know all honest values.
class AskingAttack final : public Attack {
 public:
  AskingAttack(const ProcessConnection& process, bool same) : process_(process), same_(same) {}

  bool needs_all_slices() const override { return true; }
  bool same_in_every_slice() const override { return same_; }
  void corrupt(const AttackInput& input, std::span<float> out,
               ThreadPool& /*pool*/) const override {
    try {
      process_.compute<float>(
          {{"slice", input.slice}, {"corrupted", input.corrupted}, {"step", input.step}},
          input.honest.row, out);
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {} (step {})", process_.name(), error.what(), input.step));
    }
  }

 private:
  const ProcessConnection& process_;
  bool same_;
};

/// One that has been opened, which it stays.
struct OpenAttack {
  explicit OpenAttack(const std::string& socket) : process(socket, "detoxml attack 1") {
    try {
      read_field(process.about(), "same", same);
    } catch (const std::exception&) {
      ProcessConnection::refuse_answer();
    }
    recorded = fmt::format("{}{}{}", socket, kFunctionMark, process.source());
    info.make = {OpenAttack::make, this};
    info.name = process.name();
    info.file = recorded;
  }

  static std::unique_ptr<Attack> make(const void* open) {
    const auto* attack = static_cast<const OpenAttack*>(open);
    return std::make_unique<AskingAttack>(attack->process, attack->same);
  }

  ProcessConnection process;
  bool same = false;
  std::string recorded;
  AttackInfo info;
};

[[noreturn]] void refuse_attack(const std::string& socket, std::string_view why) {
  throw InputError(fmt::format("attack {}: {}", printable(socket, 200), why));
}

const OpenAttack& opened_attack(const std::string& socket) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<OpenAttack>> attacks;
  const std::lock_guard lock(mutex);
  std::unique_ptr<OpenAttack>& attack = attacks[socket];
  if (attack != nullptr) return *attack;
  if (!is_socket(socket)) {
    refuse_attack(socket,
                  "no process answers there; valid: a name of detoxml list, or the socket of a "
                  "function, as detoxml.train(err_mode=...) in Python makes it");
  }
  try {
    attack = std::make_unique<OpenAttack>(socket);
  } catch (const InputError& error) {
    refuse_attack(socket, error.what());
  }
  return *attack;
}

}  // namespace

const AttackInfo& attack_named(std::string_view name_or_socket) {
  if (name_or_socket.find('/') == std::string_view::npos) return find_attack(name_or_socket);
  const std::size_t mark = std::min(name_or_socket.rfind(kFunctionMark), name_or_socket.size());
  const std::string socket(name_or_socket.substr(0, mark));
  const OpenAttack& attack = opened_attack(socket);
  if (mark < name_or_socket.size() && name_or_socket != attack.recorded) {
    refuse_attack(socket,
                  fmt::format("its source's SHA-256 is {}, and {} is recorded; valid: that "
                              "function again, or a new run",
                              attack.process.source(),
                              printable(name_or_socket.substr(mark + kFunctionMark.size()))));
  }
  return attack.info;
}

std::string recorded_name(const AttackInfo& attack) {
  return std::string(attack.file.empty() ? attack.name : attack.file);
}

std::string identity_of(const AttackInfo& attack) {
  return std::string(attack.file.empty() ? attack.name
                                         : attack.file.substr(attack.file.rfind(kFunctionMark)));
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
