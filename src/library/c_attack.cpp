// Simulated attacks in detox/detox.h: what the engine's attackers send, from gradients alone.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/names.hpp"
#include "detox/detox.h"
#include "detox/errors.hpp"
#include "library/c_aggregator.hpp"
#include "library/c_calls.hpp"
#include "stages/aggregate/check_rows.hpp"
#include "stages/aggregate/rule_options.hpp"
#include "stages/attack/attack.hpp"

using namespace detox::c_calls;

struct detox_attack {
  const detox::AttackInfo* info = nullptr;
  detox::AttackOptions options;
  std::unique_ptr<detox::Attack> attack;
  std::unique_ptr<detox::ThreadPool> pool;
  detox::Key key{};
};

namespace {

constexpr std::size_t kMostGradients = std::numeric_limits<std::uint16_t>::max();

const detox::AttackInfo* attack_at(std::size_t attack) {
  return attack < detox::attacks().size() ? &detox::attacks()[attack] : nullptr;
}

detox::AttackOptions standard_options(const detox::AttackInfo& info) {
  detox::AttackOptions options;
  options.adversarial = info.parameter ? info.parameter->standard : 0;
  options.alie_z = 1;  // as `detoxml train`
  return options;
}

/// Of a text of the registry, which ends with a zero, or of none.
const char* attack_text(std::string_view text) { return text.empty() ? "" : text.data(); }

/// ask(line, attack) of the attack with this number.
template <class Ask>
const char* about(std::size_t attack, const Ask& ask) {
  return guarded(
      [&]() -> const char* {
        const detox::AttackInfo* info = attack_at(attack);
        return info == nullptr ? nullptr : ask(*info->make(standard_options(*info)));
      },
      [](int) -> const char* { return nullptr; });
}

const char* needs_of(const detox::Attack& attack) {
  if (attack.probes_defence()) return "honest gradients and the defence";
  if (attack.needs_all_slices()) return "honest gradients";
  return attack.needs_own() ? "gradients of their own" : "nothing";
}

const char* unavailable(const detox::Attack& attack) {
  if (attack.flips_labels()) return "it needs labels, and what computes gradients of them";
  if (attack.delay_s() > 0) return "it is about when something is sent, and not what";
  detox::AttackInput later;
  later.step = 2;
  if (attack.other_batch(later))
    return "it needs the samples of the step before, and what computes gradients of them";
  return "";
}

double parse_number(std::string_view name, std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() ||
      !(std::abs(number) <= std::numeric_limits<float>::max())) {
    throw detox::UsageError(
        fmt::format("{} is '{}'; valid: a float32", name, detox::printable(text, 40)));
  }
  return number;
}

/// One of two words.
bool is_second(std::string_view name, std::string_view text, std::string_view first,
               std::string_view second) {
  if (text == first) return false;
  if (text == second) return true;
  throw detox::UsageError(
      fmt::format("{} is '{}'; valid: {}, {}", name, detox::printable(text, 40), first, second));
}

/// The options that the attack reads, as a refusal has them.
std::string options_of(const detox::AttackInfo& info) {
  std::string names = info.parameter ? "adversarial, " : "";
  for (const std::string_view name : info.reads) {
    if (!name.empty()) names += fmt::format("{}, ", name);
  }
  return names + "seed";
}

void check_parameter(const detox::AttackInfo& info, double c, std::size_t slices) {
  if (!info.parameter || takes_parameter(*info.parameter, c, slices)) return;
  throw detox::UsageError(fmt::format("{}: adversarial is {}; valid: {}", info.name, c,
                                      parameter_values(*info.parameter, slices)));
}

/// Sets one option and returns true; false where the attack reads none of that name.
bool set_option(std::string_view name, std::string_view value, detox_attack& made) {
  detox::AttackOptions& options = made.options;
  if (name == "seed") {
    // As in a run of this seed.
    made.key = detox::derive_key(detox::key_from_seed(detox::parse_count(name, value)), "attack");
    return true;
  }
  if (name == "adversarial" && made.info->parameter) {
    options.adversarial = parse_number(name, value);
    return true;
  }
  if (!reads_option(*made.info, name)) return false;
  if (name == "alie-z") {
    options.alie_z = value == "auto" ? std::nullopt : std::optional(parse_number(name, value));
  } else if (name == "alie-sign") {
    options.alie_sign = is_second(name, value, "minus", "plus") ? 1 : -1;
  } else {
    options.alie_ddof = is_second(name, value, "0", "1") ? 1 : 0;
  }
  return true;
}

/// Which places are the colluders'.
std::vector<std::uint32_t> places_of(const detox_attack& attack, const detox_attack_call& call) {
  std::vector<std::uint32_t> owned(call.m);
  if (call.owned == nullptr) {
    const std::size_t first = attack.attack->needs_own() ? call.h - call.m : call.h;
    std::iota(owned.begin(), owned.end(), static_cast<std::uint32_t>(first));
    return owned;
  }
  std::copy_n(call.owned, call.m, owned.begin());
  for (std::size_t i = 0; i < call.m; ++i) {
    if (owned[i] >= call.h || (i > 0 && owned[i] <= owned[i - 1])) {
      throw detox::UsageError(
          fmt::format("owned[{}] is {}; valid: ascending, below h = {}", i, owned[i], call.h));
    }
  }
  return owned;
}

/// Whether the rows of the colluders are further ones.
bool are_behind(const detox_attack& attack, const detox_attack_call& call) {
  return call.owned == nullptr && !attack.attack->needs_own();
}

void check_numbers(const detox_attack& attack, const detox_attack_call& call) {
  if (call.type != DETOX_FLOAT32) {
    throw detox::UsageError(fmt::format(
        "type of values is {}; valid: DETOX_FLOAT32, in which attackers send", call.type));
  }
  if (call.h == 0 || call.h > kMostGradients)
    throw detox::UsageError(fmt::format("h is {}; valid: 1 to {}", call.h, kMostGradients));
  const std::size_t most = are_behind(attack, call) ? kMostGradients - call.h : call.h;
  if (call.m > most)
    throw detox::UsageError(
        fmt::format("m is {}; valid: 0 to {} for h = {}", call.m, most, call.h));
  if (call.n != 0 && (call.n < call.m || call.n > kMostGradients)) {
    throw detox::UsageError(fmt::format("n is {}; valid: m = {} to {}, or 0 for all rows", call.n,
                                        call.m, kMostGradients));
  }
  check_parameter(*attack.info, attack.options.adversarial, call.h);
}

/// What they try out in this step. For one thread; the aggregator outlives it.
detox::KnownDefence known_defence(const detox_attack& attack, const detox_attack_call& call,
                                  std::size_t rows) {
  detox_aggregator* defence = call.defence;
  if (defence == nullptr) {
    throw detox::UsageError(
        fmt::format("{} tries out the defence; valid: an aggregator", attack.info->name));
  }
  const std::string unmet = defence->rule->unmet(rows);
  if (!unmet.empty()) throw detox::UsageError(fmt::format("the defence: {}", unmet));
  return {call.d, [=, step = call.step](const detox::Rows<float>& tried, std::span<float> out) {
            detox::AggregationContext context{.pool = *defence->pool,
                                              .workspace = defence->workspace,
                                              .step = step,
                                              .key = defence->key};
            try {
              defence->rule->aggregate(tried, out, context);
            } catch (const detox::UsageError&) {
              return false;  // a rule that cannot take these rows
            }
            return true;
          }};
}

void send(detox_attack& attack, const detox_attack_call& call) {
  const detox::Attack& colluders = *attack.attack;
  check_numbers(attack, call);
  const std::vector<std::uint32_t> owned = places_of(attack, call);
  const std::size_t sent = detox_attack_rows(&attack, call.m), d = call.d;
  float* const out = static_cast<float*>(call.out);
  const detox::Rows<float> gradients{{reinterpret_cast<const float* const*>(call.honest), call.h},
                                     d};
  detox::check_rows(gradients, out, sent, "honest ");
  std::vector<const float*> honest(gradients.row.begin(), gradients.row.end());
  const std::size_t rows = call.h + (are_behind(attack, call) ? call.m : 0);

  detox::AttackInput input;
  input.step = call.step;
  input.slices = rows;
  input.rows = call.n > 0 ? call.n : rows;
  input.corrupted = call.m;
  input.key = attack.key;
  input.owned = owned;
  detox::KnownDefence defence;
  if (colluders.probes_defence()) {
    defence = known_defence(attack, call, rows);
    input.defence = &defence;
    honest.resize(rows, honest[0]);  // places that are owned, of which the values are not read
  }
  if (colluders.needs_all_slices()) input.honest = {honest, d};
  const std::span<float> rows_out(out, sent * d);
  for (std::size_t i = 0; i < sent; ++i) {
    input.slice = owned.empty() ? 0 : owned[i];
    if (!colluders.colludes()) input.worker = static_cast<std::uint32_t>(input.slice);
    if (colluders.needs_own()) input.own = {honest[input.slice], d};
    if (colluders.strikes(input)) {
      colluders.corrupt(input, rows_out.subspan(i * d, d), *attack.pool);
    } else {
      std::ranges::copy(input.own, rows_out.subspan(i * d, d).begin());
    }
  }
}

}  // namespace

size_t detox_attack_count(void) { return detox::attacks().size(); }

const char* detox_attack_name(size_t attack) {
  const detox::AttackInfo* info = attack_at(attack);
  return info == nullptr ? nullptr : attack_text(info->name);
}

const char* detox_attack_summary(size_t attack) {
  const detox::AttackInfo* info = attack_at(attack);
  return info == nullptr ? nullptr : attack_text(info->summary);
}

const char* detox_attack_paper(size_t attack) {
  const detox::AttackInfo* info = attack_at(attack);
  return info == nullptr ? nullptr : attack_text(info->paper);
}

const char* detox_attack_needs(size_t attack) { return about(attack, needs_of); }

const char* detox_attack_unavailable(size_t attack) { return about(attack, unavailable); }

const char* detox_attack_parameter(size_t attack) {
  const detox::AttackInfo* info = attack_at(attack);
  if (info == nullptr) return nullptr;
  return info->parameter ? attack_text(info->parameter->meaning) : "";
}

double detox_attack_standard(size_t attack) {
  const detox::AttackInfo* info = attack_at(attack);
  return info != nullptr && info->parameter ? info->parameter->standard : 0;
}

size_t detox_find_attack(const char* name) {
  return guarded(
      [&] {
        if (name == nullptr) throw detox::UsageError("the attack's name is NULL");
        return static_cast<size_t>(&detox::find_attack(name) - detox::attacks().data());
      },
      [](int) { return detox_attack_count(); });
}

detox_attack* detox_create_attack(const char* name, const char* options, size_t threads) {
  return guarded(
      [&]() -> detox_attack* {
        if (name == nullptr) throw detox::UsageError("the attack's name is NULL");
        const detox::AttackInfo& info = detox::find_attack(name);
        std::unique_ptr<detox::ThreadPool> pool = make_pool(threads);
        auto made = std::make_unique<detox_attack>();
        made->info = &info;
        made->options = standard_options(info);
        made->pool = std::move(pool);
        made->key = detox::derive_key(detox::key_from_seed(detox::kStandardSeed), "attack");
        const std::string_view beyond = unavailable(*info.make(made->options));
        if (!beyond.empty()) {
          throw detox::UsageError(
              fmt::format("{} cannot be had of gradients alone: {}", info.name, beyond));
        }
        for (const auto& [option, value] : option_words(options == nullptr ? "" : options)) {
          if (!set_option(option, value, *made)) {
            throw detox::UsageError(fmt::format("{} reads no option {}; valid: {}", info.name,
                                                detox::printable(option, 40), options_of(info)));
          }
        }
        check_parameter(info, made->options.adversarial, kMostGradients);
        made->attack = info.make(made->options);
        return made.release();
      },
      [](int) -> detox_attack* { return nullptr; });
}

void detox_destroy_attack(detox_attack* attack) { delete attack; }

size_t detox_attack_rows(const detox_attack* attack, size_t m) {
  return attack != nullptr && attack->attack->same_in_every_slice() ? 1 : m;
}

int detox_apply_attack(detox_attack* attack, const detox_attack_call* call) {
  return guarded(
      [&] {
        if (attack == nullptr) throw detox::UsageError("the attack is NULL");
        check_size(call, "detox_attack_call");
        send(*attack, *call);
        return 0;
      },
      [](int code) { return code; });
}
