// kuangliu/pytorch-cifar, from which the original's ResNets and DenseNet come: `shortcut` and
// `linear` where torchvision has `downsample` and `fc`; `dense1.0.bn1` where it has
// `features.denseblock1.denselayer1.norm1`, and torch.cat([new, old]) where it has ([old, new]).
#include "record/foreign_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/names.hpp"

namespace detox {
namespace {

using Parts = std::vector<std::string>;

Parts split(std::string_view name) {
  Parts parts(1);
  for (const char c : name) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::string join(const Parts& parts) {
  std::string name;
  for (const std::string& part : parts) name += (name.empty() ? "" : ".") + part;
  return name;
}

/// "dense1" -> "1" for "dense"; empty for other words.
std::string number_behind(std::string_view word, std::string_view part) {
  if (!part.starts_with(word)) return {};
  const std::string number(part.substr(word.size()));
  const bool digits =
      std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits && number.size() < 6 ? number : "";
}

/// Of DenseNet alone.
std::string densenet_name(const Parts& parts) {
  if (parts.size() == 2 && parts[0] == "conv1") return "features.conv0." + parts[1];
  if (parts.size() == 2 && parts[0] == "bn") return "features.norm5." + parts[1];
  if (parts.size() == 2 && parts[0] == "linear") return "classifier." + parts[1];
  std::string transition = number_behind("trans", parts[0]);
  if (!transition.empty() && parts.size() == 3) {
    return fmt::format("features.transition{}.{}.{}", transition,
                       parts[1] == "bn" ? "norm" : parts[1], parts[2]);
  }
  const std::string block = number_behind("dense", parts[0]);
  if (block.empty() || parts.size() != 4) return {};
  const std::string layer = number_behind("", parts[1]);
  if (layer.empty()) return {};
  const std::string norm = number_behind("bn", parts[2]);
  return fmt::format("features.denseblock{}.denselayer{}.{}.{}", block, std::stoi(layer) + 1,
                     norm.empty() ? parts[2] : "norm" + norm, parts[3]);
}

std::string resnet_name(Parts parts) {
  for (std::string& part : parts) {
    if (part == "shortcut") part = "downsample";
  }
  if (parts[0] == "linear") parts[0] = "fc";
  return join(parts);
}

std::string without_module(Parts parts) {
  std::erase(parts, "module");
  return join(parts);
}

/// "model." where all names begin so behind `skipped` characters; empty for nothing.
std::string common_prefix(const Tensors& tensors, std::size_t skipped) {
  if (tensors.empty()) return {};
  const std::string first = tensors.begin()->first.substr(skipped);
  const std::string prefix = first.substr(0, first.find('.') + 1);
  const bool common = std::all_of(tensors.begin(), tensors.end(), [&](const auto& entry) {
    return entry.first.size() > skipped + prefix.size() &&
           std::string_view(entry.first).substr(skipped).starts_with(prefix);
  });
  return common ? prefix : "";
}

/// What may stand in the place of a name, the likeliest first, and what was done to it.
struct Candidate {
  std::string name;
  std::vector<std::string> notes;
};

std::vector<Candidate> candidates(const std::string& name, const std::string& prefix,
                                  bool is_densenet) {
  std::vector<Candidate> bases = {{name, {}}};
  bases.push_back({without_module(split(name)), {"'module' in the names is left out"}});
  if (!prefix.empty()) {
    bases.push_back({without_module(split(name.substr(prefix.size()))),
                     {fmt::format("'{}' before the names is left out", printable(prefix))}});
  }
  std::vector<Candidate> all;
  for (Candidate& base : bases) {
    const Parts parts = split(base.name);
    Candidate resnet{resnet_name(parts), base.notes};
    resnet.notes.emplace_back("'shortcut' and 'linear' are read as 'downsample' and 'fc'");
    Candidate densenet{is_densenet ? densenet_name(parts) : "", base.notes};
    densenet.notes.emplace_back(
        "the names are those of pytorch-cifar's DenseNet, and channels are put into our order");
    all.push_back(std::move(base));
    all.push_back(std::move(resnet));
    all.push_back(std::move(densenet));
  }
  return all;
}

std::int64_t extent_of(const ModelLayout& layout, const std::string& name) {
  for (const TensorInfo& info : layout.parameters) {
    if (info.name == name && !info.shape.empty()) return info.shape[0];
  }
  return 0;
}

/// The dense block whose channels a tensor counts, by our names; empty where it counts others.
std::string block_of(const Parts& parts) {
  if (parts.size() == 2 && parts[0] == "classifier" && parts[1] == "weight") return "4";
  if (parts.size() < 3 || parts[0] != "features") return {};
  if (parts[1] == "norm5") return "4";
  std::string transition = number_behind("transition", parts[1]);
  if (!transition.empty()) return transition;
  const bool counts = parts.size() == 5 && (parts[3] == "norm1" || parts[3] == "conv1");
  return counts ? number_behind("denseblock", parts[1]) : "";
}

}  // namespace

std::set<std::string, std::less<>> names_of(const ModelLayout& layout) {
  std::set<std::string, std::less<>> names;
  for (const auto* infos : {&layout.parameters, &layout.statistics, &layout.counters}) {
    for (const TensorInfo& info : *infos) names.insert(info.name);
  }
  for (const TiedTensor& tied : layout.tied) names.insert(tied.name);
  for (const ConstantTensor& constant : layout.constants) names.insert(constant.name);
  return names;
}

std::vector<std::string> rename_tensors(const ModelLayout& layout, Tensors& tensors) {
  const auto expected = names_of(layout);
  const bool is_densenet = has_newest_channels_first(tensors);
  std::string prefix = common_prefix(tensors, 0);
  prefix += common_prefix(tensors, prefix.size());  // two words at the most: "model.module."
  std::vector<std::string> notes;
  Tensors renamed;
  for (const auto& [name, tensor] : tensors) {
    const Candidate* found = nullptr;
    const std::vector<Candidate> all = candidates(name, prefix, is_densenet);
    for (const Candidate& candidate : all) {
      if (found == nullptr && expected.contains(candidate.name)) found = &candidate;
    }
    if (found != nullptr && found->name != name &&
        (tensors.contains(found->name) || renamed.contains(found->name))) {
      found = nullptr;
    }
    renamed.emplace(found ? found->name : name, tensor);
    if (found == nullptr) continue;
    for (const std::string& note : found->notes) {
      if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(note);
    }
  }
  tensors = std::move(renamed);
  return notes;
}

bool has_newest_channels_first(const Tensors& tensors) {
  const std::string known = "dense1.0.bn1.weight";
  return std::any_of(tensors.begin(), tensors.end(),
                     [&](const auto& entry) { return entry.first.ends_with(known); });
}

ChannelOrder newest_first_order(const ModelLayout& layout, std::string_view name,
                                const std::vector<std::int64_t>& shape) {
  const Parts parts = split(name);
  const std::string block = block_of(parts);
  const std::string dense = fmt::format("features.denseblock{}.denselayer1.", block);
  const auto first = static_cast<std::size_t>(extent_of(layout, dense + "norm1.weight"));
  const auto growth = static_cast<std::size_t>(extent_of(layout, dense + "conv2.weight"));
  if (block.empty() || first == 0 || growth == 0) return {};
  ChannelOrder order;
  order.dimension = shape.size() > 1 ? 1 : 0;
  const auto channels = static_cast<std::size_t>(shape.at(order.dimension));
  if (channels < first || (channels - first) % growth != 0) return {};
  const std::size_t layers = (channels - first) / growth;
  for (std::size_t layer = 0; layer <= layers; ++layer) {
    // The block's own input is last in the file, then come layers from the first to the newest.
    const std::size_t begin = growth * (layers - layer);
    const std::size_t count = layer == 0 ? first : growth;
    for (std::size_t i = 0; i < count; ++i) order.from.push_back(begin + i);
  }
  return order;
}

}  // namespace detox
