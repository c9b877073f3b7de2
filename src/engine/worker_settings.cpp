#include "engine/worker_settings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/digest.hpp"
#include "base/json_field.hpp"
#include "config/own_attack.hpp"
#include "config/rule_file.hpp"
#include "engine/probe_gradient.hpp"
#include "stages/aggregate/rule_options.hpp"

namespace detox {
namespace {

using Json = nlohmann::json;

Key key_from_hex(const std::string& text) {
  const std::string bytes = bytes_from_hex(text);
  Key key{};
  if (bytes.size() != key.size()) throw std::invalid_argument("no key");
  std::memcpy(key.data(), bytes.data(), key.size());
  return key;
}

Json json_of(const Hierarchy::Options& defence) {
  Json options = Json::object();
  for (const RuleOption& option : rule_options())
    options[std::string(option.name)] = rule_option_text(option, defence.rule);
  return {{"inner", recorded_name(*defence.inner_rule)},
          {"outer", recorded_name(*defence.outer_rule)},
          {"buckets", defence.buckets},
          {"f_eff", defence.f_eff},
          {"options", options},
          {"rows_are_signs", defence.rule.rows_are_signs}};
}

/// One that is written as its number, 0 to that of `last`.
template <class E>
E read_enum(const Json& object, const char* name, E last) {
  unsigned number = 0;
  read_field(object, name, number);
  if (number > static_cast<unsigned>(last)) throw std::invalid_argument("no such choice");
  return static_cast<E>(number);
}

Hierarchy::Options defence_from(const Json& json) {
  Hierarchy::Options defence;
  defence.inner_rule = &rule_of(json.at("inner").get_ref<const std::string&>());
  defence.outer_rule = &rule_of(json.at("outer").get_ref<const std::string&>());
  read_field(json, "buckets", defence.buckets);
  read_field(json, "f_eff", defence.f_eff);
  const Json& options = json.at("options");
  for (const RuleOption& option : rule_options()) {
    const std::string text = options.at(std::string(option.name));
    set_rule_option(option, text, defence.rule, option.name);
  }
  read_field(json, "rows_are_signs", defence.rule.rows_are_signs);
  return defence;
}

struct FactField {
  const char* name;
  std::string WorkerFacts::*member;
};
constexpr FactField kFactFields[] = {
    {"profile", &WorkerFacts::profile},  {"layout", &WorkerFacts::layout_digest},
    {"data", &WorkerFacts::data_digest}, {"probe", &WorkerFacts::probe_digest},
    {"host", &WorkerFacts::host},        {"processor", &WorkerFacts::processor},
};

}  // namespace

std::string to_json(const WorkerWelcome& welcome) {
  return Json{{"network", welcome.network},
              {"dataset", welcome.dataset},
              {"image_size", welcome.image_size},
              {"data_dir", welcome.data_dir},
              {"rules", welcome.rules},
              {"attack", welcome.attack},
              {"probe_key", hex(welcome.probe_key)},
              {"probe_samples", welcome.probe_samples},
              {"server_timeout_s", welcome.server_timeout_s}}
      .dump();
}

std::optional<WorkerWelcome> welcome_from_json(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    WorkerWelcome welcome;
    read_field(json, "network", welcome.network);
    read_field(json, "dataset", welcome.dataset);
    read_field(json, "image_size", welcome.image_size);
    read_field(json, "data_dir", welcome.data_dir);
    read_field(json, "rules", welcome.rules);
    read_field(json, "attack", welcome.attack);
    welcome.probe_key = key_from_hex(json.at("probe_key"));
    read_field(json, "probe_samples", welcome.probe_samples);
    read_field(json, "server_timeout_s", welcome.server_timeout_s);
    if (welcome.probe_samples < 1 || welcome.probe_samples > kMostProbeSamples) return std::nullopt;
    return welcome;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::optional<std::uint32_t> worker_of(std::span<const int> ranks, int rank) {
  const auto found = std::ranges::find(ranks, rank);
  if (found == ranks.end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - ranks.begin());
}

std::string to_json(const WorkerSettings& s) {
  const Json json = {
      {"ranks", s.ranks},
      {"codec", s.codec},
      {"slices", s.slices},
      {"seats", s.seats},
      {"samples_per_step", s.samples_per_step},
      {"data_key", hex(s.data_key)},
      {"attack_key", hex(s.attack_key)},
      {"attack",
       {{"name", s.attack.attack},
        {"adversarial", s.attack.options.adversarial},
        {"alie_z", s.attack.options.alie_z ? Json(*s.attack.options.alie_z) : Json(nullptr)},
        {"alie_sign", s.attack.options.alie_sign},
        {"alie_ddof", s.attack.options.alie_ddof},
        {"byzantine", s.attack.byzantine},
        {"schedule", static_cast<int>(s.attack.schedule)},
        {"lie_rate", s.attack.occasions.lie_rate},
        {"lie_when", static_cast<int>(s.attack.occasions.lie_when)},
        {"silent_rate", s.attack.occasions.silent_rate},
        {"lazy", s.attack.occasions.is_lazy},
        {"arbiter", s.attack.occasions.has_arbiter},
        {"statistics", s.attack.statistics},
        {"rule_rows", s.attack.rule_rows},
        {"defence", s.attack.defence ? json_of(*s.attack.defence) : Json(nullptr)}}},
      {"by_digest", s.by_digest},
      {"chunk_bytes", s.chunk_bytes},
      {"compression", s.compression},
  };
  return json.dump();
}

std::optional<WorkerSettings> settings_from_json(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    WorkerSettings s;
    read_field(json, "ranks", s.ranks);
    read_field(json, "codec", s.codec);
    read_field(json, "slices", s.slices);
    read_field(json, "seats", s.seats);
    read_field(json, "samples_per_step", s.samples_per_step);
    s.data_key = key_from_hex(json.at("data_key"));
    s.attack_key = key_from_hex(json.at("attack_key"));
    const Json& attack = json.at("attack");
    read_field(attack, "name", s.attack.attack);
    read_field(attack, "adversarial", s.attack.options.adversarial);
    if (!attack.at("alie_z").is_null())
      read_field(attack, "alie_z", s.attack.options.alie_z.emplace());
    read_field(attack, "alie_sign", s.attack.options.alie_sign);
    read_field(attack, "alie_ddof", s.attack.options.alie_ddof);
    read_field(attack, "byzantine", s.attack.byzantine);
    s.attack.schedule = read_enum(attack, "schedule", FailSchedule::kWorstCase);
    read_field(attack, "lie_rate", s.attack.occasions.lie_rate);
    s.attack.occasions.lie_when = read_enum(attack, "lie_when", LieWhen::kSecond);
    read_field(attack, "silent_rate", s.attack.occasions.silent_rate);
    read_field(attack, "lazy", s.attack.occasions.is_lazy);
    read_field(attack, "arbiter", s.attack.occasions.has_arbiter);
    read_field(attack, "statistics", s.attack.statistics);
    read_field(attack, "rule_rows", s.attack.rule_rows);
    if (!attack.at("defence").is_null()) s.attack.defence = defence_from(attack.at("defence"));
    read_field(json, "by_digest", s.by_digest);
    read_field(json, "chunk_bytes", s.chunk_bytes);
    read_field(json, "compression", s.compression);
    const auto& parameter = attack_named(s.attack.attack).parameter;
    const double c = s.attack.options.adversarial;
    if (parameter && !takes_parameter(*parameter, c, s.slices)) return std::nullopt;
    const bool valid = s.slices >= 1 && s.seats >= s.slices && s.seats / s.slices <= s.workers() &&
                       s.slices <= s.samples_per_step && s.chunk_bytes >= 1 &&
                       s.chunk_bytes <= kChunkBytes;
    if (!valid) return std::nullopt;
    return s;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::string to_json(const WorkerFacts& facts) {
  Json json;
  for (const FactField& field : kFactFields) json[field.name] = facts.*field.member;
  // A host's name may hold anything.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<WorkerFacts> facts_from_json(std::string_view text) {
  constexpr std::size_t kLongest = 1000;
  try {
    const Json json = Json::parse(text);
    WorkerFacts facts;
    for (const FactField& field : kFactFields) {
      std::string& value = facts.*field.member;
      read_field(json, field.name, value);
      if (value.size() > kLongest) return std::nullopt;
    }
    return facts;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::string layout_digest(const ModelLayout& layout) {
  DigestBuilder digest;
  for (const auto* tensors : {&layout.parameters, &layout.statistics, &layout.counters}) {
    for (const TensorInfo& tensor : *tensors) {
      digest.add(
          fmt::format("{} {} {}\n", tensor.name, fmt::join(tensor.shape, "x"), tensor.offset));
    }
    digest.add("--\n");
  }
  for (const TiedTensor& tied : layout.tied)
    digest.add(fmt::format("{} = {}\n", tied.name, tied.of));
  return hex(digest.add(layout.source).finish());
}

}  // namespace detox
