#include "record/state_file.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/assert.hpp"
#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"
#include "record/damaged_file.hpp"
#include "record/model_file.hpp"
#include "record/safetensors_header.hpp"

namespace detox {
namespace {

constexpr const char* kFormat = "detox state 1";
constexpr std::string_view kAnyFormat = "detox state ";
constexpr const char* kMomentum = "momentum.";
constexpr const char* kLastAggregate = "last_aggregate.";
constexpr std::string_view kFact = "fact.";
constexpr std::size_t kDigestLength = 2 * sizeof(Digest);  // in hexadecimal

using Metadata = std::map<std::string, std::string>;

std::string take(const std::string& name, Metadata& metadata, const std::string& key) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) throw InputError(name + ": no state file: it has no " + key);
  std::string value = std::move(found->second);
  metadata.erase(found);
  return value;
}

/// Puts the digest in: over everything, with zeros in its own place.
void seal(Safetensors& content) {
  std::string& digest = content.metadata["digest"];
  digest.assign(kDigestLength, '0');
  digest = digest_of_pieces(SafetensorsImage(content).pieces);
}

void check_seal(const std::string& name, std::span<const std::byte> bytes,
                const Safetensors& content) {
  Safetensors sealed = content;
  seal(sealed);
  // Equal headers put the same tensors at the same places; the digest vouches for their values.
  const SafetensorsImage image(sealed);
  if (!text_of(bytes).starts_with(image.header)) {
    throw DamagedFile(name + ": damaged: its digest does not fit its content");
  }
}

std::uint64_t parse_step(const std::string& name, const std::string& text) {
  std::uint64_t step = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw InputError(name + ": no state file: its step is no number");
  }
  return step;
}

/// All of the tensors whose names begin so, one a parameter, or none.
void take_if_there(const std::string& name, const ModelLayout& layout, const char* prefix,
                   Safetensors& content, std::vector<float>& values) {
  const auto first = content.tensors.lower_bound(prefix);
  if (first == content.tensors.end() || !first->first.starts_with(prefix)) return;
  take_tensors(name, layout.parameters, prefix, content, values);
}

}  // namespace

std::string digest_of_pieces(std::span<const std::span<const std::byte>> pieces) {
  DigestBuilder builder;
  for (const std::span<const std::byte> piece : pieces) builder.add(piece);
  return hex(builder.finish());
}

Safetensors state_content(const ModelLayout& layout, const TrainingState& state,
                          const std::string& model_digest) {
  Safetensors content;
  if (!state.momentum.empty()) {
    add_tensors(layout.parameters, kMomentum, state.momentum, content);
  }
  if (!state.last_aggregate.empty()) {
    add_tensors(layout.parameters, kLastAggregate, state.last_aggregate, content);
  }
  content.metadata = {{"format", kFormat},
                      {"step", std::to_string(state.step)},
                      {"config_digest", state.config_digest},
                      {"profile", state.profile},
                      {"model_digest", model_digest}};
  for (const auto& [key, value] : state.facts) {
    content.metadata[std::string(kFact) + key] = value;
  }
  seal(content);
  return content;
}

ParsedState parse_state(const std::string& name, std::span<const std::byte> bytes,
                        const ModelLayout& layout) {
  Safetensors content = parse_safetensors(name, bytes);
  Metadata& metadata = content.metadata;
  if (const auto format = metadata.find("format");
      format == metadata.end() || format->second != kFormat) {
    const std::string what =
        name + ": no state file of this version: its format is not '" + kFormat + "'";
    // What a newer program wrote is whole.
    if (format != metadata.end() && format->second.starts_with(kAnyFormat)) throw InputError(what);
    throw DamagedFile(what);
  }
  // Sealing a content without it would make the header longer than what was read.
  if (const auto digest = metadata.find("digest");
      digest == metadata.end() || digest->second.size() != kDigestLength) {
    throw DamagedFile(name + ": no state file: it has no digest of itself");
  }
  check_seal(name, bytes, content);

  ParsedState parsed;
  TrainingState& state = parsed.state;
  take(name, metadata, "format");
  take(name, metadata, "digest");
  state.step = parse_step(name, take(name, metadata, "step"));
  state.config_digest = take(name, metadata, "config_digest");
  state.profile = take(name, metadata, "profile");
  parsed.model_digest = take(name, metadata, "model_digest");
  for (auto& [key, value] : metadata) {
    if (!key.starts_with(kFact)) {
      throw InputError(fmt::format("{}: unknown entry '{}'", name, printable(key)));
    }
    state.facts.emplace(key.substr(kFact.size()), std::move(value));
  }
  take_if_there(name, layout, kLastAggregate, content, state.last_aggregate);
  take_if_there(name, layout, kMomentum, content, state.momentum);
  refuse_unknown_tensors(name, content);
  return parsed;
}

}  // namespace detox
